// What generators and discriminators minimize. Scores are logits, before any sigmoid.

type Game = "minimax" | "non_saturating" | "least_squares" | "hinge" | "wasserstein"

/// The discriminator's loss of its scores for real and generated examples (Goodfellow et al. 2014; least squares: Mao et
/// al. 2017; hinge: Lim & Ye 2017; Wasserstein: Arjovsky et al. 2017, whose critic also needs a penalty).
@precision(compute=f32)
export fn discriminator_loss(real: [...r], fake: [...f], game: Game = "non_saturating") =
  if game == "least_squares" { 0.5 * mean((real - 1) ^ 2) + 0.5 * mean(fake ^ 2) }
  else if game == "hinge" { mean(relu(1 - real)) + mean(relu(1 + fake)) }
  else if game == "wasserstein" { mean(fake) - mean(real) }
  else { mean(softplus(-real)) + mean(softplus(fake)) }

/// The generator's loss of the discriminator's scores for its examples.
@precision(compute=f32)
export fn generator_loss(fake: [...], game: Game = "non_saturating") =
  if game == "minimax" { mean(log_sigmoid(-fake)) }
  else if game == "non_saturating" { mean(softplus(-fake)) }
  else if game == "least_squares" { 0.5 * mean((fake - 1) ^ 2) }
  else { -mean(fake) }

/// Mean of (‖∂f/∂z‖ - target)² at points z between real and generated examples, one per example (Gulrajani et al. 2017).
/// `f` scores a batch; the result is differentiable, for the second-order step.
@precision(compute=f32)
export fn gradient_penalty(f: fn([b, ...s]) -> [...o], real: [b, ...s], fake: [b, ...s], target: real = 1.0) -> [] {
  let e = uniform([b] + (for i in 1..rank(real) => 1))
  let g = grad(fn (z: [b, ...s]) => sum(f(z)), e * real + (1 - e) * fake)
  mean((sqrt(sum(g ^ 2, axis=(for i in 1..rank(real) => i)) + 1e-12) - target) ^ 2)
}

/// Mean of |x - back|, where back = g(f(x)) returned from the other domain (CycleGAN, Zhu et al. 2017).
@precision(compute=f32)
export fn cycle_loss(x: [...], back: [...]) -> [] = l1_loss(x, back)
