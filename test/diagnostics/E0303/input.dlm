fn mix(a: [b, s, d], c: [b, t, d]) -> [b, t, d] {
  let y = a + c
  y
}
