// Activations, element by element; softmax is among the reductions. No import is needed.

/// max(x, 0).
export fn relu(x: [...]) -> [...] = max(x, 0)

/// min(max(x, 0), 6).
export fn relu6(x: [...]) -> [...] = min(max(x, 0), 6)

/// x where x > 0, else slope * x.
export fn leaky_relu(x: [...], negative_slope: real = 0.01) -> [...] = where(x > 0, x, negative_slope * x)

/// x where x > 0, else alpha * (exp(x) - 1).
export fn elu(x: [...], alpha: real = 1.0) -> [...] = where(x > 0, x, alpha * expm1(min(x, 0)))

/// Gaussian error linear unit: x * Φ(x), or its tanh approximation (Hendrycks & Gimpel 2016).
export fn gelu(x: [...], approximate: "none" | "tanh" = "none") -> [...] =
  if approximate == "tanh" { 0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x ^ 3))) }
  else { 0.5 * x * (1 + erf(x * 0.7071067811865476)) }

/// x * sigmoid(x), also called swish.
export fn silu(x: [...]) -> [...] = x * sigmoid(x)

/// log(1 + exp(x)), without overflow.
export fn softplus(x: [...]) -> [...] = max(x, 0) + log1p(exp(-abs(x)))

/// x * tanh(softplus(x)).
export fn mish(x: [...]) -> [...] = x * tanh(softplus(x))

/// log(sigmoid(x)).
export fn log_sigmoid(x: [...]) -> [...] = min(x, 0) - log1p(exp(-abs(x)))

/// 1 where x > 0, else 0. Its gradient is zero.
export fn step(x: [...]) -> [...] = f32(x > 0)

/// scale * elu(x, alpha) with the constants that keep mean 0 and variance 1 (Klambauer et al. 2017).
export fn selu(x: [...]) -> [...] = 1.0507009873554805 * elu(x, 1.6732632423543772)

/// x where x > 0, else weight * x; one weight for all, or one per channel on axis 1 (He et al. 2015).
export fn prelu(x: [...], weight: [n]) -> [...] {
  let w = if n == 1 || rank(x) < 2 { weight } else { reshape(weight, [n] + (for i in 0..rank(x) - 2 => 1)) }
  where(x > 0, x, w * x)
}

/// The first half of an axis times the sigmoid of the second (Dauphin et al. 2017).
export fn glu(x: [...], axis: int = -1) {
  let (a, b) = split(x, 2, axis=axis)
  a * sigmoid(b)
}

/// x / (1 + |x|).
export fn softsign(x: [...]) -> [...] = x / (1 + abs(x))

/// min(max(x / 6 + 1/2, 0), 1).
export fn hardsigmoid(x: [...]) -> [...] = clamp(x / 6 + 0.5, 0, 1)

/// x * hardsigmoid(x).
export fn hardswish(x: [...]) -> [...] = x * hardsigmoid(x)

/// x limited to [low, high].
export fn clamp[T: dtype](x: T[...], low: real, high: real) -> T[...] = min(max(x, low), high)
