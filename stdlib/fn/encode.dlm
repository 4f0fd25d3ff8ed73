// Encodings of ids and blends of tensors. No import is needed.

/// 1 at the index of each class, else 0: [...s] -> [...s, classes].
export fn one_hot(ids: i32[...s], classes: int) -> [...s, classes] =
  f32(reshape(ids, shape(ids) + [1]) == iota(classes))

/// a + w * (b - a).
export fn lerp(a: [...s], b: [...s], weight: [...t] | real) -> [...s] = a + weight * (b - a)
