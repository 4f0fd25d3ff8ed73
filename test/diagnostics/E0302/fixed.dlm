fn film(x: [b, t, d], s: [b, d]) -> [b, t, d] {
  let y = x + rearrange[b d -> b 1 d](s)
  y
}
