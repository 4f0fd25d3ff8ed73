/// The functions of the prelude: activations, reductions, losses, shapes, initialisers. No import is needed.
/// Classes are on the last axis; names and defaults are PyTorch's.

// ── activations ──

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
export fn clamp(x: [...], low: real, high: real) -> [...] = min(max(x, low), high)

// ── reductions ──

/// Mean over axes, all by default.
export fn mean(x: [...], axis: int | list? = none, keepdim: bool = false) =
  sum(x, axis=axis, keepdim=keepdim) / size(x, axis)

/// Mean and biased variance over axes.
export fn moments(x: [...], axes: int | list? = none, keepdim: bool = false) {
  let m = mean(x, axis=axes, keepdim=true)
  let v = mean((x - m) ^ 2, axis=axes, keepdim=keepdim)
  (mean=if keepdim { m } else { mean(x, axis=axes) }, var=v)
}

/// Variance over axes; `correction` 1 gives the unbiased estimate.
export fn var(x: [...], axis: int | list? = none, correction: int = 1, keepdim: bool = false) {
  let m = mean(x, axis=axis, keepdim=true)
  sum((x - m) ^ 2, axis=axis, keepdim=keepdim) / max(size(x, axis) - correction, 1)
}

/// Largest number whose exponential sum is not lost: log(sum(exp(x))).
export fn logsumexp(x: [...], axis: int = -1, keepdim: bool = false) {
  let m = stop_gradient(max(x, axis=axis, keepdim=true))
  let s = log(sum(exp(x - m), axis=axis, keepdim=true)) + m
  if keepdim { s } else { sum(s, axis=axis) }
}

/// log(exp(a) + exp(b)), without overflow.
export fn logaddexp(a: [...s], b: [...t]) = max(a, b) + log1p(exp(-abs(a - b)))

/// exp(x) / sum(exp(x)) along an axis.
export fn softmax(x: [...], axis: int = -1) -> [...] {
  let e = exp(x - stop_gradient(max(x, axis=axis, keepdim=true)))
  e / sum(e, axis=axis, keepdim=true)
}

/// log(softmax(x)), without loss of small probabilities.
export fn log_softmax(x: [...], axis: int = -1) -> [...] {
  let z = x - stop_gradient(max(x, axis=axis, keepdim=true))
  z - log(sum(exp(z), axis=axis, keepdim=true))
}

/// x / max(‖x‖₂, eps) along an axis.
export fn l2_normalize(x: [...], axis: int = -1, eps: real = 1e-12) -> [...] =
  x * rsqrt(max(sum(x ^ 2, axis=axis, keepdim=true), eps ^ 2))

// ── shapes ──

/// 1 at the index of each class, else 0: [...s] -> [...s, classes].
export fn one_hot(ids: i32[...s], classes: int) -> [...s, classes] =
  f32(reshape(ids, shape(ids) + [1]) == iota(classes))

/// a + w * (b - a).
export fn lerp(a: [...s], b: [...s], weight: [...t] | real) -> [...s] = a + weight * (b - a)

// ── linear algebra ──

/// x · Wᵀ + b with W: [out, in], as PyTorch stores it.
export fn linear(x: [...s, in_features], weight: [out_features, in_features], bias: [out_features]? = none)
  -> [...s, out_features] {
  let y = x @ transpose(weight)
  if bias != none { y + bias } else { y }
}

/// Sum of squares: the penalty of weight decay.
export fn l2(x: [...]) -> [] = sum(x ^ 2)

/// Sum of absolute values.
export fn l1(x: [...]) -> [] = sum(abs(x))

// ── losses ──

/// Negative log likelihood of the target class under softmax(logits), averaged.
/// `ignore_index` drops positions; `label_smoothing` mixes in the uniform distribution.
export fn cross_entropy(logits: [...s, k], target: i32[...s], ignore_index: int? = none, label_smoothing: real = 0.0) -> [] {
  let logp = log_softmax(logits)
  let hit  = -sum(where(reshape(target, shape(target) + [1]) == iota(k), logp, 0.0), axis=-1)
  let loss = if label_smoothing > 0 { (1 - label_smoothing) * hit - label_smoothing * mean(logp, axis=-1) } else { hit }
  if ignore_index != none {
    let keep = f32(target != ignore_index)
    sum(loss * keep) / max(sum(keep), 1)
  } else { mean(loss) }
}

/// Mean negative log likelihood of log probabilities.
export fn nll_loss(log_probs: [...s, k], target: i32[...s]) -> [] =
  -mean(sum(where(reshape(target, shape(target) + [1]) == iota(k), log_probs, 0.0), axis=-1))

/// Mean of squared differences.
export fn mse_loss(x: [...], target: [...]) -> [] = mean((x - target) ^ 2)

/// Mean of absolute differences.
export fn l1_loss(x: [...], target: [...]) -> [] = mean(abs(x - target))

/// Quadratic below `delta`, linear above (Huber 1964).
export fn huber_loss(x: [...], target: [...], delta: real = 1.0) -> [] {
  let d = abs(x - target)
  mean(where(d <= delta, 0.5 * d ^ 2, delta * (d - 0.5 * delta)))
}

/// Binary cross-entropy of sigmoid(x), element by element, without overflow.
export fn bce_with_logits(x: [...], target: [...]) -> [...] = max(x, 0) - x * target + log1p(exp(-abs(x)))

/// Binary cross-entropy of probabilities, element by element; logs are at least -100, as in PyTorch.
export fn binary_cross_entropy(p: [...], target: [...]) -> [...] =
  -(target * max(log(p), -100) + (1 - target) * max(log1p(-p), -100))

/// Kullback–Leibler divergence: target * (log(target) - log_probs), element by element.
export fn kl_div(log_probs: [...], target: [...]) -> [...] =
  where(target > 0, target * (log(max(target, 1e-30)) - log_probs), 0.0)

// ── random numbers and constants ──

/// 24 random bits as floats in [0, 1): every value is a multiple of 2^-24.
fn random_unit(shape: list) = f32(floor_div(random_bits(shape), 256)) * 5.9604644775390625e-8

/// Standard normal numbers by Box and Muller (1958).
fn random_normal(shape: list) =
  sqrt(-2.0 * log(1.0 - random_unit(shape))) * cos(6.283185307179586 * random_unit(shape))

/// Zeros: a tensor where a shape is given, else an initialiser.
export fn zeros(shape: list? = none) =
  if shape != none { full(shape, 0.0) } else { fn (s: list, fan_in: int, fan_out: int) => full(s, 0.0) }

/// Ones: a tensor where a shape is given, else an initialiser.
export fn ones(shape: list? = none) =
  if shape != none { full(shape, 1.0) } else { fn (s: list, fan_in: int, fan_out: int) => full(s, 1.0) }

/// Uniform in [low, high): a tensor where a shape is given, else an initialiser.
export fn uniform(shape: list? = none, low: real = 0.0, high: real = 1.0) =
  if shape != none { low + (high - low) * random_unit(shape) }
  else { fn (s: list, fan_in: int, fan_out: int) => low + (high - low) * random_unit(s) }

/// Normal: `normal([b, n])` is a tensor, `normal(0.02)` an initialiser of that standard deviation.
export fn normal(shape: list | real = 1.0, mean: real = 0.0, std: real = 1.0) =
  if kind(shape) == "list" { mean + std * random_normal(shape) }
  else { fn (s: list, fan_in: int, fan_out: int) => mean + shape * std * random_normal(s) }

/// True with probability p, element by element.
export fn bernoulli(shape: list, p: real = 0.5) = random_unit(shape) < p

/// 1 / (1 - p) with probability 1 - p, else 0; all ones outside of training.
export fn dropout_mask(shape: list, p: real = 0.5) =
  if training && p > 0 { where(random_unit(shape) >= p, 1.0 / (1.0 - p), 0.0) } else { full(shape, 1.0) }

/// x with elements dropped while training, scaled so that the mean stays (Srivastava et al. 2014).
export fn dropout(x: [...], p: real = 0.5) -> [...] =
  if training && p > 0 { x * dropout_mask(shape(x), p) } else { x }

// ── static values ──

/// (v, v) of an int, a pair as it is.
export fn pair(v: int | str | (int, int)) = if kind(v) == "tuple" { v } else { (v, v) }

/// (v, v, v) of an int, a triple as it is.
export fn triple(v: int | str | (int, int, int)) = if kind(v) == "tuple" { v } else { (v, v, v) }

/// Sines and cosines of positions 0, 1, … n - 1: [n, d] (Vaswani et al. 2017).
export fn sinusoid(n: int, d: int) -> [n, d] {
  let half  = d / 2
  let rates = exp(f32(iota(half)) * (-9.210340371976184 / half))
  let angle = reshape(f32(iota(n)), [n, 1]) * rates
  concat([sin(angle), cos(angle)], axis=-1)
}
