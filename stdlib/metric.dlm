// Metrics of a batch. Predictions and targets are class ids unless a function takes scores. With `total` in a `metric`,
// counts such as `confusion_matrix` add up over batches before they are divided.

/// The part of positions whose largest score is that of the target; positions of `ignore_index` do not count.
export fn accuracy(scores: [...s, k], target: i32[...s], ignore_index: int? = none) -> [] =
  top_k_accuracy(scores, target, 1, ignore_index)

/// The part of positions whose target is among the k largest scores; of equal scores the first counts as larger.
export fn top_k_accuracy(scores: [...s, c], target: i32[...s], k: int, ignore_index: int? = none) -> [] {
  let ids    = reshape(target, shape(target) + [1])
  let own    = sum(where(ids == iota(c), scores, 0.0), axis=-1, keepdim=true)
  let before = scores > own || (scores == own && iota(c) < ids)
  let hit    = where(sum(f32(before), axis=-1) < k && target >= 0 && target < c, 1.0, 0.0)
  if ignore_index != none {
    let keep = f32(target != ignore_index)
    sum(hit * keep) / max(sum(keep), 1)
  } else { mean(hit) }
}

/// How often each target (row) was predicted as each class (column); ids outside of 0 … classes - 1 do not count.
export fn confusion_matrix(pred: i32[...s], target: i32[...s], classes: int) -> [classes, classes] =
  transpose(one_hot(flat(target), classes)) @ one_hot(flat(pred), classes)

fn flat(ids: i32[...]) = reshape(ids, [size(ids)])

type Average = "macro" | "micro" | "binary" | "none"

/// Right predictions of a class over all its predictions, 0 where there are none. "macro" is the mean over classes,
/// "micro" counts all together, "binary" is class 1, "none" gives [classes].
export fn precision(pred: i32[...s], target: i32[...s], classes: int = 2, average: Average = "binary") {
  let c = confusion_matrix(pred, target, classes)
  averaged(diagonal(c), sum(c, axis=0), average)
}

/// Right predictions of a class over all its targets, 0 where there are none.
export fn recall(pred: i32[...s], target: i32[...s], classes: int = 2, average: Average = "binary") {
  let c = confusion_matrix(pred, target, classes)
  averaged(diagonal(c), sum(c, axis=1), average)
}

/// 2 precision · recall / (precision + recall), of each class before the mean.
export fn f1_score(pred: i32[...s], target: i32[...s], classes: int = 2, average: Average = "binary") {
  let c = confusion_matrix(pred, target, classes)
  averaged(2 * diagonal(c), sum(c, axis=0) + sum(c, axis=1), average)
}

// Class by class ratios, or one ratio of sums.
fn averaged(above: [k], below: [k], average: Average) {
  let ratio = above / max(below, 1)
  if average == "micro" { sum(above) / max(sum(below), 1) }
  else if average == "macro" { mean(ratio) }
  else if average == "binary" { ratio[1] }
  else { ratio }
}

fn diagonal(c: [k, k]) -> [k] = for i < k => c[i, i]

/// Intersection over union of each class, averaged over the classes that are predicted or present; positions of
/// `ignore_index` do not count.
export fn mean_iou(pred: i32[...s], target: i32[...s], classes: int, ignore_index: int? = none) -> [] {
  let keep  = if ignore_index != none { where(target == ignore_index, -1, target) } else { target }
  let c     = confusion_matrix(where(keep < 0, -1, pred), keep, classes)
  let both  = diagonal(c)
  let union = sum(c, axis=0) + sum(c, axis=1) - both
  sum(both / max(union, 1)) / max(sum(f32(union > 0)), 1)
}

/// exp of the mean negative log likelihood of the targets.
export fn perplexity(logits: [...s, k], target: i32[...s], ignore_index: int = -100) -> [] =
  exp(cross_entropy(logits, target, ignore_index=ignore_index))

/// Mean absolute error.
export fn mae(pred: [...], target: [...]) -> [] = mean(abs(pred - target))

/// Root of the mean squared error.
export fn rmse(pred: [...], target: [...]) -> [] = sqrt(mean((pred - target) ^ 2))

/// 1 - Σ (target - pred)² / Σ (target - mean)²: the part of the variance that is explained.
export fn r2_score(pred: [...], target: [...]) -> [] =
  1 - sum((target - pred) ^ 2) / max(sum((target - mean(target)) ^ 2), 1e-30)
