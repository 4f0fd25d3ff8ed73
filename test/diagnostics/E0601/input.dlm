layer Net(d: int = 4) {
  param w: [d] = ones()
  fn forward(x: [d]) -> [d] {
    update w = 2 * w
    x * w
  }
}
