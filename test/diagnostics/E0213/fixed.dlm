fn f(x: f32[b], k: int) -> [b] = k * x

layer Scale(n: int) {
  param w: f32[n] = ones()
  fn forward(x: [b, n]) -> [b, n] = x * w
}
