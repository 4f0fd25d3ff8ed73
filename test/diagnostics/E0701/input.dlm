import { Linear } from "std/nn"
import { Adam } from "std/optim"

export model Generator() {
  let fc = Linear(4, 8)
  export fn forward(z: [b, 4]) -> [b, 8] = fc(z)
}

export model Discriminator() {
  let body = Linear(8, 8)
  let head = Linear(8, 1)
  export fn forward(x: [b, 8]) -> [b, 1] = x |> body |> relu |> head
}

export train FitGan(g: Generator, d: Discriminator) {
  batch x: f32[b, 8]
  let fake = g(normal([b, 4]))
  step disc {
    minimize mean(f32(d(fake) > 0.5)) of d using Adam()
  }
  step gen {
    maximize mean(d(fake)) of g using Adam()
  }
}
