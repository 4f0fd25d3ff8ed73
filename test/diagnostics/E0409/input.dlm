layer Net(d: int = 7) {
  assert d % 2 == 0, "d must be even"
  fn forward(x: [d]) -> [d] = x
}
