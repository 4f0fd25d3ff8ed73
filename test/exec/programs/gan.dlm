// exec: b=4
// Two models, two optimizers: each step moves its own model against the other as it then is.
import { Linear } from "std/nn"
import { Adam } from "std/optim"

export model Generator(latent: int = 3) {
  let fc1 = Linear(latent, 6)
  let fc2 = Linear(6, 2)
  export fn forward(z: [b, latent]) -> [b, 2] = z |> fc1 |> tanh |> fc2
}

export model Discriminator() {
  let fc1 = Linear(2, 6)
  let fc2 = Linear(6, 1)
  export fn forward(x: [b, 2]) -> [b] = rearrange[b 1 -> b](x |> fc1 |> tanh |> fc2)
}

export train FitGan(g: Generator, d: Discriminator, lr: f32[] = 1e-2) {
  batch images: f32[b, 2]
  let fake = g(normal([b, g.latent]))

  step disc {
    let score   = d(images)
    let on_real = bce_with_logits(score, ones([b]))
    let on_fake = bce_with_logits(d(fake), zeros([b]))
    minimize mean(on_real) + mean(on_fake) of d using Adam(lr=lr, beta1=0.5)
    metric d_real = mean(sigmoid(score))
  }
  step gen {
    minimize mean(bce_with_logits(d(fake), ones([b]))) of g using Adam(lr=lr, beta1=0.5)
  }
}
