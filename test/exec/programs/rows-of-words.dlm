// exec: b=2 c=5
// Products whose matrix lies several elements to a word, in rows of whole blocks; and with matrices so large that a
// product of rows counted at run time is compiled both ways, for a few and in tiles.

// Whole steps of 1/1024, the largest in each group: rounding in float64 and in float32 gives the same words.
fn steps(most: int, n: int, k: int) =
  (for i < n, j < k => f32(if j % 32 == 0 { most } else { (i * 7 + j * 5) % (2 * most + 1) - most })) / 1024.0

export model Words(k: int = 128, n: int = 42) {
  @quantize(bits=8, group=64) param eight: [n, k] = steps(127, n, k)
  @quantize(bits=4) param four: [n, k] = steps(7, n, k)
  export fn single(x: [k]) -> ([n], [n]) = (eight @ x, four @ x)
  export fn rows(x: [c, k]) -> ([c, n], [c, n]) = (linear(x, eight), linear(x, four))
}

export model Few(k: int = 512, n: int = 514) {
  @quantize param eight: [n, k] = steps(127, n, k)
  param bias: [n] = normal()
  export fn few(x: [b, k]) -> [b, k] = tanh(linear(x, eight, bias)) @ eight
}

export model Plain(k: int = 512, n: int = 514) {
  param plain: [n, k] = steps(127, n, k)
  export fn few(x: [b, k]) -> [b, k] = relu(linear(x, plain)) @ plain
  export fn many(x: [c, k]) -> [c, k] = relu(linear(x, plain)) @ plain
}
