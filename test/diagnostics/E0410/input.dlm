fn f(x: [b, 6]) -> [b, 3] {
  let (a, c, d) = split(x, 2, axis=1)
  a
}
