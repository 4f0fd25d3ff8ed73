// Losses: classes on the last axis; names, order of arguments and defaults of torch.nn.functional.
// No import is needed; more are in std/loss.

/// What becomes of the elements of a loss.
export type Reduction = "mean" | "sum" | "none"

/// The mean or the sum of all elements, or x itself: the `reduction` of a loss.
@precision(compute=f32)
export fn reduce_loss(x: [...], reduction: Reduction = "mean") =
  if reduction == "mean" { mean(x) } else if reduction == "sum" { sum(x) } else { x }

// Losses of positions, of which the mean is the one weighted by `count`.
@precision(compute=f32)
fn reduce_counted(loss: [...s], count: [...s], reduction: Reduction) =
  if reduction == "mean" { sum(loss) / max(sum(count), 1e-30) } else { reduce_loss(loss, reduction) }

/// Negative log likelihood of the target under softmax(logits): class ids [...s], or probabilities [...s, k].
/// `weight` scales the classes, positions whose id is `ignore_index` do not count, `label_smoothing` mixes the uniform
/// distribution into the target. The mean is weighted by the classes of the targets, as in torch.
@precision(compute=f32)
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
@precision(compute=f32)
export fn nll_loss(log_probs: [...s, k], target: i32[...s], weight: [k]? = none, ignore_index: int? = -100,
                   reduction: Reduction = "mean") {
  let (loss, count) = likelihood(log_probs, target, weight, ignore_index)
  if weight == none && ignore_index == none { reduce_loss(loss, reduction) } else { reduce_counted(loss, count, reduction) }
}

// -weight[target] * log_probs[target] and weight[target], both 0 where the target is ignored.
@precision(compute=f32)
fn likelihood(log_probs: [...s, k], target: i32[...s], weight: [k]?, ignore_index: int?) {
  let is   = reshape(target, shape(target) + [1]) == iota(k)
  let hit  = if ignore_index != none { is && reshape(target != ignore_index, shape(target) + [1]) } else { is }
  let loss = -sum(where(hit, if weight != none { weight * log_probs } else { log_probs }, 0.0), axis=-1)
  let ones = if ignore_index != none { f32(target != ignore_index) } else { full(shape(target), 1.0) }
  (loss, if weight != none { sum(where(hit, weight, 0.0), axis=-1) } else { ones })
}

/// (x - target)².
@precision(compute=f32)
export fn mse_loss(x: [...], target: [...], reduction: Reduction = "mean") = reduce_loss((x - target) ^ 2, reduction)

/// |x - target|.
@precision(compute=f32)
export fn l1_loss(x: [...], target: [...], reduction: Reduction = "mean") = reduce_loss(abs(x - target), reduction)

/// d² / 2 up to |d| = delta, then delta * (|d| - delta / 2), of d = x - target (Huber 1964).
@precision(compute=f32)
export fn huber_loss(x: [...], target: [...], reduction: Reduction = "mean", delta: real = 1.0) {
  let d = abs(x - target)
  let near = min(d, delta)
  reduce_loss(near * (d - 0.5 * near), reduction)
}

/// d² / (2 beta) up to |d| = beta, then |d| - beta / 2, of d = x - target (Girshick 2015).
@precision(compute=f32)
export fn smooth_l1_loss(x: [...], target: [...], reduction: Reduction = "mean", beta: real = 1.0) =
  if beta == 0 { l1_loss(x, target, reduction) } else { huber_loss(x, target, reduction, beta) / beta }

/// Binary cross-entropy of sigmoid(x), element by element, without overflow.
@precision(compute=f32)
export fn bce_with_logits(x: [...], target: [...]) -> [...] = max(x, 0) - x * target + log1p(exp(-abs(x)))

/// Binary cross-entropy of sigmoid(x); `weight` scales elements, `pos_weight` the part of the positive class.
@precision(compute=f32)
export fn binary_cross_entropy_with_logits(x: [...s], target: [...s], weight: [...w]? = none, reduction: Reduction = "mean",
                                           pos_weight: [...p]? = none) {
  let loss = if pos_weight != none { target * pos_weight * softplus(-x) + (1 - target) * softplus(x) }
    else { bce_with_logits(x, target) }
  reduce_loss(if weight != none { loss * weight } else { loss }, reduction)
}

/// Binary cross-entropy of probabilities; logs are at least -100, as in torch.
@precision(compute=f32)
export fn binary_cross_entropy(p: [...s], target: [...s], weight: [...w]? = none, reduction: Reduction = "mean") {
  let loss = -(target * max(log(p), -100) + (1 - target) * max(log1p(-p), -100))
  reduce_loss(if weight != none { loss * weight } else { loss }, reduction)
}

/// Kullback–Leibler divergence target * (log(target) - log_probs). "batchmean" divides the sum by the first dim, which
/// makes it the divergence of distributions.
@precision(compute=f32)
export fn kl_div(log_probs: [...], target: [...], reduction: Reduction | "batchmean" = "mean", log_target: bool = false) {
  let terms = if log_target { exp(target) * (target - log_probs) }
    else { where(target > 0, target * (log(max(target, 1e-30)) - log_probs), 0.0) }
  if reduction == "batchmean" { sum(terms) / shape(terms)[0] } else { reduce_loss(terms, reduction) }
}

/// max(0, margin - target * x) for targets of ±1 (Cortes & Vapnik 1995).
@precision(compute=f32)
export fn hinge_loss(x: [...], target: [...], margin: real = 1.0, reduction: Reduction = "mean") =
  reduce_loss(max(margin - target * x, 0), reduction)

/// x where the target is 1, max(0, margin - x) where it is -1.
@precision(compute=f32)
export fn hinge_embedding_loss(x: [...], target: [...], margin: real = 1.0, reduction: Reduction = "mean") =
  reduce_loss(where(target > 0, x, max(margin - x, 0)), reduction)

/// log(1 + exp(-target * x)) for targets of ±1.
@precision(compute=f32)
export fn soft_margin_loss(x: [...], target: [...], reduction: Reduction = "mean") =
  reduce_loss(softplus(-target * x), reduction)

/// Σ max(0, margin - x[target] + x[j])^p / k over the other classes j of the last axis (Crammer & Singer 2001).
@precision(compute=f32)
export fn multi_margin_loss(x: [...s, k], target: i32[...s], p: 1 | 2 = 1, margin: real = 1.0, weight: [k]? = none,
                            reduction: Reduction = "mean") {
  let hit  = reshape(target, shape(target) + [1]) == iota(k)
  let own  = sum(where(hit, x, 0.0), axis=-1, keepdim=true)
  let miss = where(hit, 0.0, max(margin - own + x, 0))
  let loss = sum(if p == 2 { miss ^ 2 } else { miss }, axis=-1) / k
  reduce_loss(if weight != none { loss * sum(where(hit, weight, 0.0), axis=-1) } else { loss }, reduction)
}

/// max(0, -target * (x1 - x2) + margin): target 1 ranks x1 above x2, -1 below.
@precision(compute=f32)
export fn margin_ranking_loss(x1: [...], x2: [...], target: [...], margin: real = 0.0, reduction: Reduction = "mean") =
  reduce_loss(max(margin - target * (x1 - x2), 0), reduction)

/// x1 · x2 / (‖x1‖ ‖x2‖) along an axis, each norm at least eps.
@precision(compute=f32)
export fn cosine_similarity(x1: [...], x2: [...], dim: int = 1, eps: real = 1e-8) =
  sum(l2_normalize(x1, axis=dim, eps=eps) * l2_normalize(x2, axis=dim, eps=eps), axis=dim)

/// 1 - cos(x1, x2) where the target is 1, max(0, cos(x1, x2) - margin) where it is -1, over the last axis.
@precision(compute=f32)
export fn cosine_embedding_loss(x1: [...s, d], x2: [...s, d], target: [...s], margin: real = 0.0,
                                reduction: Reduction = "mean") {
  let c = cosine_similarity(x1, x2, dim=-1)
  reduce_loss(where(target > 0, 1 - c, max(c - margin, 0)), reduction)
}

/// The p-norm of x1 - x2 + eps over the last axis, p 1 or 2.
@precision(compute=f32)
export fn pairwise_distance(x1: [...s, d], x2: [...s, d], p: 1 | 2 = 2, eps: real = 1e-6, keepdim: bool = false) {
  let d = x1 - x2 + eps
  if p == 1 { sum(abs(d), axis=-1, keepdim=keepdim) } else { sqrt(max(sum(d ^ 2, axis=-1, keepdim=keepdim), 1e-24)) }
}

/// max(0, d(anchor, positive) - d(anchor, negative) + margin) with the distance d of `pairwise_distance`; `swap` takes the
/// negative that is nearer to the positive where it is (Balntas et al. 2016).
@precision(compute=f32)
export fn triplet_margin_loss(anchor: [...s, d], positive: [...s, d], negative: [...s, d], margin: real = 1.0, p: 1 | 2 = 2,
                              eps: real = 1e-6, swap: bool = false, reduction: Reduction = "mean") {
  let near = pairwise_distance(anchor, positive, p, eps)
  let away = pairwise_distance(anchor, negative, p, eps)
  let far  = if swap { min(away, pairwise_distance(positive, negative, p, eps)) } else { away }
  reduce_loss(max(near - far + margin, 0), reduction)
}
