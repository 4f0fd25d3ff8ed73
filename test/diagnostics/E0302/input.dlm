fn film(x: [b, t, d], s: [b, d]) -> [b, t, d] {
  let y = x + s
  y
}
