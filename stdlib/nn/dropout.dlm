/// Noise that is only there in training.

/// Zeroes elements with probability p while training, and scales the others by 1 / (1 - p) (Srivastava et al. 2014).
export layer Dropout(p: real = 0.5) {
  fn forward(x: [...]) -> [...] = dropout(x, p)
}
