layer Film(d: int) {
  param w: [d, d] = normal()

  fn style(z: [b, d]) -> [b, d] = z @ w
  fn forward(x: [b, t, d], z: [b, d]) -> [b, t, d] {
    let s: [b, d] = style(z)
    let y = x + s
    y
  }
}
