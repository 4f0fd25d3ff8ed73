// exec: b=4
// A gradient penalty: the loss of the critic contains a gradient, so its update is of second order.
import { Linear } from "std/nn"
import { Adam } from "std/optim"

export model Generator(latent: int = 2) {
  let fc = Linear(latent, 2)
  export fn forward(z: [b, latent]) -> [b, 2] = fc(z)
}

export model Critic() {
  let fc1 = Linear(2, 8)
  let fc2 = Linear(8, 1)
  export fn forward(x: [b, 2]) -> [b] = rearrange[b 1 -> b](x |> fc1 |> tanh |> fc2)
}

export train FitWgan(g: Generator, d: Critic, lr: f32[] = 1e-2) {
  batch x: f32[b, 2]
  let fake = g(normal([b, g.latent]))

  step critic {
    let e   = uniform([b, 1])
    let dx  = grad(fn(z: [b, 2]) => sum(d(z)), e * x + (1.0 - e) * fake)
    let gap = sqrt(reduce[b i -> b](dx ^ 2, sum) + 1e-12) - 1.0
    minimize mean(d(fake)) - mean(d(x)) + 10.0 * mean(gap ^ 2) of d using Adam(lr=lr, beta1=0.0)
  }
  step gen(every=2) {
    maximize mean(d(fake)) of g using Adam(lr=lr, beta1=0.0)
  }
}
