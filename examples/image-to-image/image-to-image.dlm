// Networks from images to images: pix2pix (Isola et al. 2017) from pairs, CycleGAN (Zhu et al. 2017) without pairs.
import { BatchNorm2d, Conv2d } from "std/nn"
import { cycle_loss, discriminator_loss, generator_loss } from "std/loss"
import { Adam } from "std/optim"

/// Three convolutions over 8×8 images with ink from 0 to 1.
export model Painter(width: int = 16) {
  let conv1 = Conv2d(1, width, 3, padding=1, bias=false)
  let norm1 = BatchNorm2d(width)
  let conv2 = Conv2d(width, width, 3, padding=1, bias=false)
  let norm2 = BatchNorm2d(width)
  let conv3 = Conv2d(width, 1, 3, padding=1)
  fn paint(x: [b, 1, 8, 8]) -> [b, 1, 8, 8] {
    let h = relu(norm1(conv1(x)))
    sigmoid(conv3(h + relu(norm2(conv2(h)))))
  }
  export fn forward(x: [b, 64]) -> [b, 64] = reshape(paint(reshape(x, [b, 1, 8, 8])), [b, 64])
}

/// Log odds that patches of an image are true ones; `seen` is 1 for images, 2 for images beside what they were made of.
export model Critic(seen: int = 1, width: int = 16) {
  let conv1 = Conv2d(seen, width, 4, stride=2, padding=1)
  let conv2 = Conv2d(width, width, 3, padding=1)
  let conv3 = Conv2d(width, 1, 3, padding=1)
  export fn forward(x: [b, seen, 8, 8]) -> [b, 4, 4] =
    rearrange[b 1 h w -> b h w](x |> conv1 |> leaky_relu(0.2) |> conv2 |> leaky_relu(0.2) |> conv3)
}

/// As `Critic`, of pairs.
export model PairCritic(width: int = 16) {
  let critic = Critic(seen=2, width=width)
  export fn forward(x: [b, 64], y: [b, 64]) -> [b, 4, 4] =
    critic(concat([reshape(x, [b, 1, 8, 8]), reshape(y, [b, 1, 8, 8])], axis=1))
}

/// pix2pix: the painted image is to be close to the true one, and the pair to look like a true pair.
export train FitPairs(g: Painter, d: PairCritic, lr: f32[] = 2e-3, near: f32[] = 20.0) {
  batch x: f32[b, 64], y: f32[b, 64]
  step discriminate {
    minimize discriminator_loss(d(x, y), d(x, g(x))) of d using Adam(lr=lr, beta1=0.5)
  }
  step generate {
    let painted = g(x)
    minimize generator_loss(d(x, painted)) + near * l1_loss(painted, y) of g using Adam(lr=lr, beta1=0.5)
    metric distance = l1_loss(painted, y)
  }
}

/// CycleGAN: two painters, each the other's way back, and a critic at each end. One `train`, two optimizers.
export train FitCycle(there: Painter, back: Painter, here_critic: Critic, there_critic: Critic, lr: f32[] = 2e-3, near: f32[] = 10.0) {
  batch x: f32[b, 64], y: f32[b, 64]
  let (a, c) = (reshape(x, [b, 1, 8, 8]), reshape(y, [b, 1, 8, 8]))
  step discriminate {
    let at_home = discriminator_loss(here_critic(a), here_critic(back.paint(c)), "least_squares")
    let abroad  = discriminator_loss(there_critic(c), there_critic(there.paint(a)), "least_squares")
    minimize at_home + abroad of here_critic, there_critic using Adam(lr=lr, beta1=0.5)
  }
  step generate {
    let (went, came) = (there.paint(a), back.paint(c))
    let fooled = generator_loss(there_critic(went), "least_squares") + generator_loss(here_critic(came), "least_squares")
    let cycle  = cycle_loss(a, back.paint(went)) + cycle_loss(c, there.paint(came))
    minimize fooled + near * cycle of there, back using Adam(lr=lr, beta1=0.5)
    metric distance = cycle
  }
}
