layer Table(n: int = 4) {
  param w: [n] = ones()
  fn row() -> [n] = w
}

layer Net() {
  let table = Table()
  fn forward(x: [4]) -> [4] = table(x)
}
