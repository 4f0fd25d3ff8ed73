fn shift(x: [b], y: [b]) -> [b] {
  let z = x
    + y
  - y
}
