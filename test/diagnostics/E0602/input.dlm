layer Counter() {
  state calls: f32[] = zeros()
  fn forward(x: [n]) -> [] {
    update calls = calls + 1
    sum(x)
  }
}

layer Net() {
  let counter = Counter()
  fn forward(x: [n]) -> [4] {
    let one = ones([2])
    for i < 4 => counter(one)
  }
}
