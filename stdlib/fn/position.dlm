// Positions. No import is needed.

/// Sines and cosines of positions 0, 1, … n - 1: [n, d] (Vaswani et al. 2017).
export fn sinusoid(n: int, d: int) -> [n, d] {
  let half  = d / 2
  let rates = exp(f32(iota(half)) * (-9.210340371976184 / half))
  let angle = reshape(f32(iota(n)), [n, 1]) * rates
  concat([sin(angle), cos(angle)], axis=-1)
}
