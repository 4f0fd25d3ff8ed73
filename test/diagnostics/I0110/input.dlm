/// Two of any layer, one after the other.
export layer Twice(inner: layer, d: int) {
  let first = inner(d, d)
  let second = inner(d, d)
  param scale: [d] = ones()

  fn forward(x: [b, d]) -> [b, d] = x |> first |> second |> scaled
  fn scaled(x: [b, d]) -> [b, d] = x * scale
}
