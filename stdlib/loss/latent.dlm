// Variational losses.

/// KL(N(mu, exp(logvar)) ‖ N(0, 1)), summed over the last axis: ½ Σ mu² + exp(logvar) - 1 - logvar (Kingma & Welling 2014).
@precision(compute=f32)
export fn gaussian_kl(mu: [...s, k], logvar: [...s, k]) -> [...s] =
  0.5 * sum(mu ^ 2 + expm1(logvar) - logvar, axis=-1)

/// Negative evidence lower bound: the mean of reconstruction + beta * gaussian_kl, of the negative log likelihood [b] of
/// each example under its reconstruction (beta: Higgins et al. 2017).
@precision(compute=f32)
export fn elbo_loss(reconstruction: [b], mu: [b, k], logvar: [b, k], beta: f32[] | real = 1.0) -> [] =
  mean(reconstruction + beta * gaussian_kl(mu, logvar))
