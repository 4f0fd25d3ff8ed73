/// Losses as layers, for models that take one as config. The functions are in the prelude.

/// Mean cross-entropy of logits over the last axis against class ids.
export layer CrossEntropyLoss(label_smoothing: real = 0.0) {
  fn forward(logits: [...s, k], target: i32[...s]) -> [] = cross_entropy(logits, target, label_smoothing=label_smoothing)
}

/// Mean squared error.
export layer MSELoss() {
  fn forward(x: [...], target: [...]) -> [] = mse_loss(x, target)
}

/// Mean absolute error.
export layer L1Loss() {
  fn forward(x: [...], target: [...]) -> [] = l1_loss(x, target)
}

/// Huber loss.
export layer HuberLoss(delta: real = 1.0) {
  fn forward(x: [...], target: [...]) -> [] = huber_loss(x, target, delta=delta)
}

/// Mean binary cross-entropy of sigmoid(x).
export layer BCEWithLogitsLoss() {
  fn forward(x: [...], target: [...]) -> [] = mean(bce_with_logits(x, target))
}
