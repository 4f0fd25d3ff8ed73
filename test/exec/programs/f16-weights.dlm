// exec: b=3 t=9 ids<7
// Weights of f16 that nothing trains lie in pairs on the device: drawn, read by products, rows of odd length and a gather.
import { Linear, LayerNorm, Embedding } from "std/nn"

@precision(compute=f16, params=f16)
export model Half(d: int = 12) {
  let table = Embedding(7, d)
  let norm = LayerNorm(d)
  let up = Linear(d, 4 * d)
  let down = Linear(4 * d, 5)
  param odd: [5, 3] = normal(0.5)
  param scale: f32[3] = ones()

  export fn forward(ids: i32[b]) -> [b, 3] = (table(ids) |> norm |> up |> gelu |> down) @ odd
  /// On a GPU one kernel, whose scores and weights are not rounded.
  export fn attend(q: [b, t, 8], k: [b, t, 8], v: [b, t, 8]) -> [b, t, 8] {
    let scores = einsum[b t e, b s e -> b t s](q, k) * 0.25
    einsum[b t s, b s e -> b t e](softmax(where(for i < t, j < t => j <= i, scores, -inf), axis=-1), v) * 2.0
  }
  export fn plain(x: f32[b, 3]) -> f32[b, 5] = (x * scale) @ permute(f32(odd), [1, 0])
}
