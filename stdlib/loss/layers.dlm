// Losses as layers, for models that take one as config, with the names and arguments of torch.nn. Class weights are a
// list of numbers. The functions are in the prelude.

@precision(compute=f32)
fn constant(xs: list?) = if xs != none { stack(xs) } else { none }

/// Cross-entropy of logits [...s, k] against class ids [...s] or probabilities [...s, k].
@precision(compute=f32)
export layer CrossEntropyLoss(weight: list? = none, ignore_index: int = -100, reduction: Reduction = "mean",
                              label_smoothing: real = 0.0) {
  fn forward(logits: [...s, k], target: i32[...s] | [...s, k]) =
    cross_entropy(logits, target, constant(weight), ignore_index, reduction, label_smoothing)
}

/// Negative log likelihood of log probabilities [...s, k] against class ids [...s].
@precision(compute=f32)
export layer NLLLoss(weight: list? = none, ignore_index: int = -100, reduction: Reduction = "mean") {
  fn forward(log_probs: [...s, k], target: i32[...s]) = nll_loss(log_probs, target, constant(weight), ignore_index, reduction)
}

/// Squared error.
@precision(compute=f32)
export layer MSELoss(reduction: Reduction = "mean") {
  fn forward(x: [...], target: [...]) = mse_loss(x, target, reduction)
}

/// Absolute error.
@precision(compute=f32)
export layer L1Loss(reduction: Reduction = "mean") {
  fn forward(x: [...], target: [...]) = l1_loss(x, target, reduction)
}

/// Quadratic below `delta`, linear above.
@precision(compute=f32)
export layer HuberLoss(reduction: Reduction = "mean", delta: real = 1.0) {
  fn forward(x: [...], target: [...]) = huber_loss(x, target, reduction, delta)
}

/// HuberLoss divided by `beta`.
@precision(compute=f32)
export layer SmoothL1Loss(reduction: Reduction = "mean", beta: real = 1.0) {
  fn forward(x: [...], target: [...]) = smooth_l1_loss(x, target, reduction, beta)
}

/// Binary cross-entropy of probabilities.
@precision(compute=f32)
export layer BCELoss(weight: list? = none, reduction: Reduction = "mean") {
  fn forward(p: [...], target: [...]) = binary_cross_entropy(p, target, constant(weight), reduction)
}

/// Binary cross-entropy of sigmoid(x).
@precision(compute=f32)
export layer BCEWithLogitsLoss(weight: list? = none, reduction: Reduction = "mean", pos_weight: list? = none) {
  fn forward(x: [...], target: [...]) =
    binary_cross_entropy_with_logits(x, target, constant(weight), reduction, constant(pos_weight))
}

/// Kullback–Leibler divergence of log probabilities from the target.
@precision(compute=f32)
export layer KLDivLoss(reduction: Reduction | "batchmean" = "mean", log_target: bool = false) {
  fn forward(log_probs: [...], target: [...]) = kl_div(log_probs, target, reduction, log_target)
}

/// x where the target is 1, max(0, margin - x) where it is -1.
@precision(compute=f32)
export layer HingeEmbeddingLoss(margin: real = 1.0, reduction: Reduction = "mean") {
  fn forward(x: [...], target: [...]) = hinge_embedding_loss(x, target, margin, reduction)
}

/// log(1 + exp(-target * x)).
@precision(compute=f32)
export layer SoftMarginLoss(reduction: Reduction = "mean") {
  fn forward(x: [...], target: [...]) = soft_margin_loss(x, target, reduction)
}

/// Hinge loss of several classes.
@precision(compute=f32)
export layer MultiMarginLoss(p: 1 | 2 = 1, margin: real = 1.0, weight: list? = none, reduction: Reduction = "mean") {
  fn forward(x: [...s, k], target: i32[...s]) = multi_margin_loss(x, target, p, margin, constant(weight), reduction)
}

/// max(0, -target * (x1 - x2) + margin).
@precision(compute=f32)
export layer MarginRankingLoss(margin: real = 0.0, reduction: Reduction = "mean") {
  fn forward(x1: [...], x2: [...], target: [...]) = margin_ranking_loss(x1, x2, target, margin, reduction)
}

/// Cosine distance of pairs that belong together (target 1), cosine over `margin` of those that do not (-1).
@precision(compute=f32)
export layer CosineEmbeddingLoss(margin: real = 0.0, reduction: Reduction = "mean") {
  fn forward(x1: [...s, d], x2: [...s, d], target: [...s]) = cosine_embedding_loss(x1, x2, target, margin, reduction)
}

/// Triplets: the positive is nearer to the anchor than the negative, by `margin`.
@precision(compute=f32)
export layer TripletMarginLoss(margin: real = 1.0, p: 1 | 2 = 2, eps: real = 1e-6, swap: bool = false,
                               reduction: Reduction = "mean") {
  fn forward(anchor: [...s, d], positive: [...s, d], negative: [...s, d]) =
    triplet_margin_loss(anchor, positive, negative, margin, p, eps, swap, reduction)
}

/// Connectionist temporal classification of log probabilities [b, t, c] and targets [b, u].
@precision(compute=f32)
export layer CTCLoss(blank: int = 0, reduction: Reduction = "mean", zero_infinity: bool = false) {
  fn forward(log_probs: [b, t, c], targets: i32[b, u], input_lengths: i32[b], target_lengths: i32[b]) =
    ctc_loss(log_probs, targets, input_lengths, target_lengths, blank, reduction, zero_infinity)
}
