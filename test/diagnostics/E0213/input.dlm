fn f(x: f23[b], k: integer) -> [b] = k * x

layer Scale(n: int) {
  param w: bf16[n] = ones()
  fn forward(x: [b, n]) -> [b, n] = x * w
}
