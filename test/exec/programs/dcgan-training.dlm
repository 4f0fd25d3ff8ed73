// exec: b=2 Generator.width=1 Generator.latent=3 Generator.depth=2 Discriminator.width=1 Discriminator.depth=2
// GAN: two optimizers, alternating steps
import { Adam } from "std/optim"
import { Generator, Discriminator } from "./dcgan.dlm"

export train FitGan(g: Generator, d: Discriminator, lr: f32[] = 2e-4) {
  batch images: f32[b, 3, g.side, g.side]
  let fake = g(normal([b, g.latent]))

  step disc {
    let score = d(images)
    let on_real = bce_with_logits(score, ones([b]))
    let on_fake = bce_with_logits(d(fake), zeros([b]))
    minimize mean(on_real) + mean(on_fake) of d using Adam(lr=lr, beta1=0.5)
    metric d_real = mean(sigmoid(score))
  }
  step gen {
    minimize mean(bce_with_logits(d(fake), ones([b]))) of g using Adam(lr=lr, beta1=0.5)
  }
}
