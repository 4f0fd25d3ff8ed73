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
//
// Of torch.nn.functional, with its arguments in its order, classes on the last axis. More are in std/loss.

/// What becomes of the elements of a loss.
export type Reduction = "mean" | "sum" | "none"

/// The mean or the sum of all elements, or x itself: the `reduction` of a loss.
export fn reduce_loss(x: [...], reduction: Reduction = "mean") =
  if reduction == "mean" { mean(x) } else if reduction == "sum" { sum(x) } else { x }

// Losses of positions, of which the mean is the one weighted by `count`.
fn reduce_counted(loss: [...s], count: [...s], reduction: Reduction) =
  if reduction == "mean" { sum(loss) / max(sum(count), 1e-30) } else { reduce_loss(loss, reduction) }

/// Negative log likelihood of the target under softmax(logits): class ids [...s], or probabilities [...s, k].
/// `weight` scales the classes, positions whose id is `ignore_index` do not count, `label_smoothing` mixes the uniform
/// distribution into the target. The mean is weighted by the classes of the targets, as in torch.
export fn cross_entropy(logits: [...s, k], target: i32[...s] | [...s, k], weight: [k]? = none, ignore_index: int? = -100,
                        reduction: Reduction = "mean", label_smoothing: real = 0.0) {
  let logp = log_softmax(logits)
  if rank(target) == rank(logits) {
    let p = if label_smoothing > 0 { (1 - label_smoothing) * target + label_smoothing / k } else { target }
    reduce_loss(-sum(if weight != none { p * logp * weight } else { p * logp }, axis=-1), reduction)
  } else if label_smoothing > 0 {
    let (hit, count) = likelihood(logp, target, weight, ignore_index)
    let all  = if weight != none { logp * weight } else { logp }
    let keep = if ignore_index != none { where(target == ignore_index, 0.0, -sum(all, axis=-1)) } else { -sum(all, axis=-1) }
    reduce_counted((1 - label_smoothing) * hit + label_smoothing / k * keep, count, reduction)
  } else { nll_loss(logp, target, weight, ignore_index, reduction) }
}

/// Negative log likelihood of the target class, of log probabilities [...s, k] and ids [...s].
export fn nll_loss(log_probs: [...s, k], target: i32[...s], weight: [k]? = none, ignore_index: int? = -100,
                   reduction: Reduction = "mean") {
  let (loss, count) = likelihood(log_probs, target, weight, ignore_index)
  if weight == none && ignore_index == none { reduce_loss(loss, reduction) } else { reduce_counted(loss, count, reduction) }
}

// -weight[target] * log_probs[target] and weight[target], both 0 where the target is ignored.
fn likelihood(log_probs: [...s, k], target: i32[...s], weight: [k]?, ignore_index: int?) {
  let is   = reshape(target, shape(target) + [1]) == iota(k)
  let hit  = if ignore_index != none { is && reshape(target != ignore_index, shape(target) + [1]) } else { is }
  let loss = -sum(where(hit, if weight != none { weight * log_probs } else { log_probs }, 0.0), axis=-1)
  let ones = if ignore_index != none { f32(target != ignore_index) } else { full(shape(target), 1.0) }
  (loss, if weight != none { sum(where(hit, weight, 0.0), axis=-1) } else { ones })
}

/// (x - target)².
export fn mse_loss(x: [...], target: [...], reduction: Reduction = "mean") = reduce_loss((x - target) ^ 2, reduction)

/// |x - target|.
export fn l1_loss(x: [...], target: [...], reduction: Reduction = "mean") = reduce_loss(abs(x - target), reduction)

/// d² / 2 up to |d| = delta, then delta * (|d| - delta / 2), of d = x - target (Huber 1964).
export fn huber_loss(x: [...], target: [...], reduction: Reduction = "mean", delta: real = 1.0) {
  let d = abs(x - target)
  let near = min(d, delta)
  reduce_loss(near * (d - 0.5 * near), reduction)
}

/// d² / (2 beta) up to |d| = beta, then |d| - beta / 2, of d = x - target (Girshick 2015).
export fn smooth_l1_loss(x: [...], target: [...], reduction: Reduction = "mean", beta: real = 1.0) =
  if beta == 0 { l1_loss(x, target, reduction) } else { huber_loss(x, target, reduction, beta) / beta }

/// Binary cross-entropy of sigmoid(x), element by element, without overflow.
export fn bce_with_logits(x: [...], target: [...]) -> [...] = max(x, 0) - x * target + log1p(exp(-abs(x)))

/// Binary cross-entropy of sigmoid(x); `weight` scales elements, `pos_weight` the part of the positive class.
export fn binary_cross_entropy_with_logits(x: [...s], target: [...s], weight: [...w]? = none, reduction: Reduction = "mean",
                                           pos_weight: [...p]? = none) {
  let loss = if pos_weight != none { target * pos_weight * softplus(-x) + (1 - target) * softplus(x) }
    else { bce_with_logits(x, target) }
  reduce_loss(if weight != none { loss * weight } else { loss }, reduction)
}

/// Binary cross-entropy of probabilities; logs are at least -100, as in torch.
export fn binary_cross_entropy(p: [...s], target: [...s], weight: [...w]? = none, reduction: Reduction = "mean") {
  let loss = -(target * max(log(p), -100) + (1 - target) * max(log1p(-p), -100))
  reduce_loss(if weight != none { loss * weight } else { loss }, reduction)
}

/// Kullback–Leibler divergence target * (log(target) - log_probs). "batchmean" divides the sum by the first dim, which
/// makes it the divergence of distributions.
export fn kl_div(log_probs: [...], target: [...], reduction: Reduction | "batchmean" = "mean", log_target: bool = false) {
  let terms = if log_target { exp(target) * (target - log_probs) }
    else { where(target > 0, target * (log(max(target, 1e-30)) - log_probs), 0.0) }
  if reduction == "batchmean" { sum(terms) / shape(terms)[0] } else { reduce_loss(terms, reduction) }
}

/// max(0, margin - target * x) for targets of ±1 (Cortes & Vapnik 1995).
export fn hinge_loss(x: [...], target: [...], margin: real = 1.0, reduction: Reduction = "mean") =
  reduce_loss(max(margin - target * x, 0), reduction)

/// x where the target is 1, max(0, margin - x) where it is -1.
export fn hinge_embedding_loss(x: [...], target: [...], margin: real = 1.0, reduction: Reduction = "mean") =
  reduce_loss(where(target > 0, x, max(margin - x, 0)), reduction)

/// log(1 + exp(-target * x)) for targets of ±1.
export fn soft_margin_loss(x: [...], target: [...], reduction: Reduction = "mean") =
  reduce_loss(softplus(-target * x), reduction)

/// Σ max(0, margin - x[target] + x[j])^p / k over the other classes j of the last axis (Crammer & Singer 2001).
export fn multi_margin_loss(x: [...s, k], target: i32[...s], p: 1 | 2 = 1, margin: real = 1.0, weight: [k]? = none,
                            reduction: Reduction = "mean") {
  let hit  = reshape(target, shape(target) + [1]) == iota(k)
  let own  = sum(where(hit, x, 0.0), axis=-1, keepdim=true)
  let miss = where(hit, 0.0, max(margin - own + x, 0))
  let loss = sum(if p == 2 { miss ^ 2 } else { miss }, axis=-1) / k
  reduce_loss(if weight != none { loss * sum(where(hit, weight, 0.0), axis=-1) } else { loss }, reduction)
}

/// max(0, -target * (x1 - x2) + margin): target 1 ranks x1 above x2, -1 below.
export fn margin_ranking_loss(x1: [...], x2: [...], target: [...], margin: real = 0.0, reduction: Reduction = "mean") =
  reduce_loss(max(margin - target * (x1 - x2), 0), reduction)

/// x1 · x2 / (‖x1‖ ‖x2‖) along an axis, each norm at least eps.
export fn cosine_similarity(x1: [...], x2: [...], dim: int = 1, eps: real = 1e-8) =
  sum(l2_normalize(x1, axis=dim, eps=eps) * l2_normalize(x2, axis=dim, eps=eps), axis=dim)

/// 1 - cos(x1, x2) where the target is 1, max(0, cos(x1, x2) - margin) where it is -1, over the last axis.
export fn cosine_embedding_loss(x1: [...s, d], x2: [...s, d], target: [...s], margin: real = 0.0,
                                reduction: Reduction = "mean") {
  let c = cosine_similarity(x1, x2, dim=-1)
  reduce_loss(where(target > 0, 1 - c, max(c - margin, 0)), reduction)
}

/// The p-norm of x1 - x2 + eps over the last axis, p 1 or 2.
export fn pairwise_distance(x1: [...s, d], x2: [...s, d], p: 1 | 2 = 2, eps: real = 1e-6, keepdim: bool = false) {
  let d = x1 - x2 + eps
  if p == 1 { sum(abs(d), axis=-1, keepdim=keepdim) } else { sqrt(max(sum(d ^ 2, axis=-1, keepdim=keepdim), 1e-24)) }
}

/// max(0, d(anchor, positive) - d(anchor, negative) + margin) with the distance d of `pairwise_distance`; `swap` takes the
/// negative that is nearer to the positive where it is (Balntas et al. 2016).
export fn triplet_margin_loss(anchor: [...s, d], positive: [...s, d], negative: [...s, d], margin: real = 1.0, p: 1 | 2 = 2,
                              eps: real = 1e-6, swap: bool = false, reduction: Reduction = "mean") {
  let near = pairwise_distance(anchor, positive, p, eps)
  let away = pairwise_distance(anchor, negative, p, eps)
  let far  = if swap { min(away, pairwise_distance(positive, negative, p, eps)) } else { away }
  reduce_loss(max(near - far + margin, 0), reduction)
}

/// Connectionist temporal classification (Graves et al. 2006): -log of the probability of all paths of length
/// input_lengths[i] that spell the first target_lengths[i] labels when repeats are merged and blanks dropped. Log
/// probabilities are [b, t, c], targets [b, u]. The mean is over losses divided by their target lengths, as in torch;
/// `zero_infinity` makes the loss of targets that do not fit 0 (else it is about 1e30).
export fn ctc_loss(log_probs: [b, t, c], targets: i32[b, u], input_lengths: i32[b], target_lengths: i32[b], blank: int = 0,
                   reduction: Reduction = "mean", zero_infinity: bool = false) {
  let n     = 2 * u + 1
  let ext   = for i < b, s < n => if s % 2 == 1 { targets[i, floor_div(s, 2)] ?? blank } else { blank }
  let hop   = for i < b, s < n => s >= 2 && ext[i, s] != blank && ext[i, s] != (ext[i, s - 2] ?? blank)
  let start = for i < b, s < n => if s < 2 { log_probs[i, 0, ext[i, s]] ?? -inf } else { -inf }
  let last  = fold a = start over lp in log_probs[:, 1:] along 1, k < t - 1 => {
    let next = for i < b, s < n => {
      let stay = logaddexp(a[i, s], a[i, s - 1] ?? -inf)
      let all  = if hop[i, s] { logaddexp(stay, a[i, s - 2] ?? -inf) } else { stay }
      max(all + (lp[i, ext[i, s]] ?? -inf), -inf)
    }
    where(rearrange[b -> b 1](k + 1 < input_lengths), next, a)
  }
  let nll  = for i < b => -logaddexp(last[i, 2 * target_lengths[i]] ?? -inf, last[i, 2 * target_lengths[i] - 1] ?? -inf)
  let loss = if zero_infinity { where(nll < 1e29, nll, 0.0) } else { nll }
  if reduction == "mean" { mean(loss / f32(max(target_lengths, 1))) } else { reduce_loss(loss, reduction) }
}

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
