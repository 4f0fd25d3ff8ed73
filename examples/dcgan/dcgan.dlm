// A conditional DCGAN (Mirza & Osindero 2014; Radford et al. 2016) that draws 8×8 digits as asked for.
import { BatchNorm2d, Conv2d, ConvTranspose2d, Linear } from "std/nn"
import { discriminator_loss, generator_loss } from "std/loss"
import { Adam } from "std/optim"

/// Noise and a digit become an image with ink from -1 to 1, by transposed convolutions from 2×2.
export model Generator(noise: int = 16, width: int = 16) {
  let first = Linear(noise + 10, 8 * width)
  let norm1 = BatchNorm2d(2 * width)
  let up1   = ConvTranspose2d(2 * width, width, 4, stride=2, padding=1, bias=false)
  let norm2 = BatchNorm2d(width)
  let up2   = ConvTranspose2d(width, 1, 4, stride=2, padding=1)
  fn forward(z: [b, noise], y: i32[b]) -> [b, 1, 8, 8] {
    let start = reshape(first(concat([z, one_hot(y, 10)], axis=1)), [b, 2 * width, 2, 2])
    start |> norm1 |> relu |> up1 |> norm2 |> relu |> up2 |> tanh
  }
  export fn sample(y: i32[b]) -> [b, 64] = reshape(0.5 + 0.5 * forward(normal([b, noise]), y), [b, 64])
}

/// The log odds that an image is a true one of this digit. The digit is ten channels more.
export model Discriminator(width: int = 16) {
  let down1 = Conv2d(11, width, 4, stride=2, padding=1)
  let down2 = Conv2d(width, 2 * width, 4, stride=2, padding=1)
  let out   = Linear(8 * width, 1)
  export fn forward(x: [b, 1, 8, 8], y: i32[b]) -> [b] {
    let told = rearrange[b k -> b k h w](one_hot(y, 10), h=8, w=8)
    let maps = leaky_relu(down2(leaky_relu(down1(concat([x, told], axis=1)), 0.2)), 0.2)
    rearrange[b 1 -> b](out(reshape(maps, [b, 8 * width])))
  }
}

/// Two steps, two optimizers. The average of the generators is what draws.
export train Play(g: Generator, average: Generator, d: Discriminator, lr: f32[] = 2e-3) {
  batch x: f32[b, 64], y: i32[b]
  let real = reshape(2.0 * x - 1.0, [b, 1, 8, 8])
  step discriminate {
    let fake = g(normal([b, g.noise]), y)
    minimize discriminator_loss(d(real, y), d(fake, y)) of d using Adam(lr=lr, beta1=0.5)
  }
  step generate {
    minimize generator_loss(d(g(normal([b, g.noise]), y), y)) of g using Adam(lr=lr, beta1=0.5)
  }
  update average = lerp(average, g, 0.01)
}
