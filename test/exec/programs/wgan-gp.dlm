// exec: b=4
// WGAN-GP: five critic steps to one of the generator, gradient penalty of second order
import { Adam } from "std/optim"
import { Generator, Critic } from "./mixture.dlm"

export train FitWgan(g: Generator, d: Critic, lr: f32[] = 1e-4) {
  batch x: f32[b, 2]
  let fake = g(normal([b, g.latent]))

  step critic {
    let e   = uniform([b, 1])
    let dx  = grad(fn (z: [b, 2]) => sum(d(z)), e * x + (1.0 - e) * fake)
    let gap = sqrt(reduce[b i -> b](dx ^ 2, sum) + 1e-12) - 1.0
    minimize mean(d(fake)) - mean(d(x)) + 10.0 * mean(gap ^ 2) of d using Adam(lr=lr, beta1=0.0)
  }
  step gen(every=5) {
    maximize mean(d(fake)) of g using Adam(lr=lr, beta1=0.0)
  }
}
