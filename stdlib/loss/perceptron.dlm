// The criterion of the perceptron.

/// (ŷ - y) * score with ŷ = 1 where score > 0, else 0, for targets y of 0 and 1: zero where the sign is right, |score|
/// where it is wrong. Its gradient with respect to the weights is -(y - ŷ) x, the perceptron rule (Rosenblatt 1958).
@precision(compute=f32)
export fn perceptron_loss(score: [...], target: [...], reduction: Reduction = "mean") =
  reduce_loss((step(score) - target) * score, reduction)
