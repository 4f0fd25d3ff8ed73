export optimizer Adam(lr: fn(i32[]) -> f32[] | f32[] = 1e-3, beta1: real = 0.9, beta2: real = 0.999, eps: real = 1e-8) {
  state m: f32[...] = zeros()
  state v: f32[...] = zeros()
  fn update_param(p: f32[...], g: f32[...], t: i32[]) -> f32[...] {
    update m = beta1 * m + (1 - beta1) * g
    update v = beta2 * v + (1 - beta2) * g ^ 2
    let mhat = m / (1 - beta1 ^ f32(t))
    let vhat = v / (1 - beta2 ^ f32(t))
    p - rate(lr, t) * mhat / (sqrt(vhat) + eps)
  }
}

test "bidirectional concat doubles the features" forall b in 1..8 {
  let y = Bidirectional(LSTM, 8, 16)(zeros([b, 5, 8]))
  assert shape(y) == [b, 5, 32]
}
