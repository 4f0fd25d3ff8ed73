fn f(x: [b]) -> [b] {
  let k = 3
  k(x)
}
