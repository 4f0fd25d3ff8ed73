// Noise that is only there in training.

/// Zeroes elements with probability p while training, and scales the others by 1 / (1 - p) (Srivastava et al. 2014).
export layer Dropout(p: real = 0.5) {
  fn forward(x: [...]) -> [...] = dropout(x, p)
}

// One mask element per example and channel.
fn dropout_channels(x: [b, c, ...s], p: real) -> [b, c, ...s] =
  if training && p > 0 { x * dropout_mask([b, c] + (for i in 2..rank(x) => 1), p) } else { x }

/// Zeroes whole channels of [b, c, l] (spatial dropout, Tompson et al. 2015).
export layer Dropout1d(p: real = 0.5) {
  fn forward(x: [b, c, l]) -> [b, c, l] = dropout_channels(x, p)
}

/// Zeroes whole channels of [b, c, h, w].
export layer Dropout2d(p: real = 0.5) {
  fn forward(x: [b, c, h, w]) -> [b, c, h, w] = dropout_channels(x, p)
}

/// Zeroes whole channels of [b, c, d, h, w].
export layer Dropout3d(p: real = 0.5) {
  fn forward(x: [b, c, d, h, w]) -> [b, c, d, h, w] = dropout_channels(x, p)
}

/// Drops whole examples of a residual branch while training, and scales the others (Huang et al. 2016).
export layer StochasticDepth(p: real = 0.5) {
  fn forward(x: [b, ...s]) -> [b, ...s] =
    if training && p > 0 { x * dropout_mask([b] + (for i in 1..rank(x) => 1), p) } else { x }
}
