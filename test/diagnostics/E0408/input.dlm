fn f(x: [b]) -> [b] {
  let y = 2 * x
}
