fn f(x: [b]) -> [b] = x
fn f(x: [b]) -> [b] = 2 * x

layer Net(d: int = 8) {
  param w: [d] = ones()
  let w = 3
  fn forward(x: [d]) -> [d] = x
}
