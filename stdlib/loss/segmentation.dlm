// Losses for classes of very different frequency, mostly of pixels.

/// -alpha_t (1 - p_t)^gamma log(p_t) of sigmoid(x), p_t the probability of the target; alpha < 0 leaves alpha_t out
/// (Lin et al. 2017, torchvision.ops.sigmoid_focal_loss).
@precision(compute=f32)
export fn sigmoid_focal_loss(x: [...], target: [...], alpha: real = 0.25, gamma: real = 2.0, reduction: Reduction = "none") {
  let miss = target * sigmoid(-x) + (1 - target) * sigmoid(x)
  let loss = bce_with_logits(x, target) * miss ^ gamma
  reduce_loss(if alpha >= 0 { (alpha * target + (1 - alpha) * (1 - target)) * loss } else { loss }, reduction)
}

/// -(1 - p)^gamma log(p) with p the probability of the target class under softmax(logits).
@precision(compute=f32)
export fn focal_loss(logits: [...s, k], target: i32[...s], gamma: real = 2.0, reduction: Reduction = "mean") {
  let logp = -nll_loss(log_softmax(logits), target, reduction="none")
  reduce_loss(-((max(-expm1(logp), 0)) ^ gamma) * logp, reduction)
}

/// 1 - (2 Σ p t + smooth) / (Σ p + Σ t + smooth) over all but the first axis, probabilities p and targets t of
/// [b, ...] (Milletari et al. 2016).
@precision(compute=f32)
export fn dice_loss(p: [b, ...s], target: [b, ...s], smooth: real = 1.0, reduction: Reduction = "mean") {
  let axes = for i in 1..rank(p) => i
  let both = sum(p * target, axis=axes)
  reduce_loss(1 - (2 * both + smooth) / (sum(p, axis=axes) + sum(target, axis=axes) + smooth), reduction)
}
