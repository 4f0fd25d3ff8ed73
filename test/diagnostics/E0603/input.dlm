layer Counter() {
  state calls: f32[] = zeros()
  fn forward(x: [n]) -> [] {
    update calls = calls + 1
    sum(x ^ 2)
  }
}

layer Net() {
  let counter = Counter()
  fn forward(x: [n]) -> [n] = grad(fn (z: [n]) => counter(z), x)
}
