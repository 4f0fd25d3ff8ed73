// A generative adversarial network: the generator turns noise into points, the discriminator tells them from true ones.
import { Linear } from "std/nn"
import { discriminator_loss, generator_loss, gradient_penalty } from "std/loss"
import { Adam } from "std/optim"

export model Generator(noise: int = 8, hidden: int = 64) {
  let fc1 = Linear(noise, hidden)
  let fc2 = Linear(hidden, hidden)
  let out = Linear(hidden, 2)
  fn forward(z: [b, noise]) -> [b, 2] = z |> fc1 |> relu |> fc2 |> relu |> out
  export fn sample(count: int) -> [count, 2] = forward(normal([count, noise]))
}

/// The log odds that a point is true.
export model Discriminator(hidden: int = 64) {
  let fc1 = Linear(2, hidden)
  let fc2 = Linear(hidden, hidden)
  let out = Linear(hidden, 1)
  export fn forward(x: [b, 2]) -> [b] = rearrange[b 1 -> b](x |> fc1 |> leaky_relu(0.2) |> fc2 |> leaky_relu(0.2) |> out)
}

/// Each step moves the discriminator, then the generator against it as it now is (Goodfellow et al. 2014).
export train Play(g: Generator, average: Generator, d: Discriminator, lr: f32[] = 1e-3) {
  batch x: f32[b, 2]
  let fake = g(normal([b, g.noise]))
  step discriminate {
    let told = discriminator_loss(d(x), d(fake))
    minimize told of d using Adam(lr=lr, beta1=0.5)
  }
  step generate {
    let fooled = generator_loss(d(g(normal([b, g.noise]))))
    minimize fooled of g using Adam(lr=lr, beta1=0.5)
  }
  // The mean of the generators of the last steps circles less than any of them.
  update average = lerp(average, g, 0.005)
}

/// Scores are drawn to 1 for data and to 0 for what is generated, by squares (Mao et al. 2017).
export train PlaySquares(g: Generator, average: Generator, d: Discriminator, lr: f32[] = 1e-3) {
  batch x: f32[b, 2]
  step discriminate {
    minimize discriminator_loss(d(x), d(g(normal([b, g.noise]))), "least_squares") of d using Adam(lr=lr, beta1=0.5)
  }
  step generate {
    minimize generator_loss(d(g(normal([b, g.noise]))), "least_squares") of g using Adam(lr=lr, beta1=0.5)
  }
  update average = lerp(average, g, 0.005)
}

/// The critic's scores are a distance between distributions as long as its slope is 1, which a penalty asks for: a
/// gradient of a gradient. It moves three times for each move of the generator (Gulrajani et al. 2017).
export train PlayDistance(g: Generator, average: Generator, d: Discriminator, lr: f32[] = 1e-3) {
  batch x: f32[b, 2]
  step discriminate {
    let fake = g(normal([b, g.noise]))
    let penalty = gradient_penalty(fn (z: [b, 2]) => d(z), x, fake)
    minimize discriminator_loss(d(x), d(fake), "wasserstein") + 1.0 * penalty of d using Adam(lr=lr, beta1=0.0, beta2=0.9)
  }
  step generate(every=3) {
    minimize generator_loss(d(g(normal([b, g.noise]))), "wasserstein") of g using Adam(lr=lr, beta1=0.0, beta2=0.9)
  }
  update average = lerp(average, g, 0.005)
}
