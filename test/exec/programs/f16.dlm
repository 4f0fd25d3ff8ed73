// exec: b=3 t=5 i<4
// f16 as a dtype: casts, arithmetic, sums that add up in f32, tables, states, weights and results of f16.
import { Adam } from "std/optim"

export model Halves(d: int = 6) {
  param weight: f16[d, 4] = normal(0.5)
  param table: f16[4, d] = normal(0.5)
  param scale: [4] = ones()
  state seen: f16[d] = zeros()

  export fn plain(x: f16[b, d]) -> f16[b, 4] = max(x @ weight, 0.0) * 1.5 - 0.25
  export fn mixed(x: f32[b, d], y: f16[b, d]) -> (f32[b], f16[b, d]) {
    let h = f16(x) * y + 1.0
    (sum(f32(h), axis=-1), exp(h) / (1.0 + exp(h)))
  }
  export fn rows(i: i32[b]) -> f16[b, d] = gather(table, i, axis=0)
  export fn attend(s: f16[t, t]) -> f16[t, t] = where(for q < t, k < t => k <= q, s, -inf)
  export fn sums(x: f16[b, d, t]) -> (f16[b], f16[d, t], f16[], i32[b, t]) =
    (sum(x, axis=[1, 2]), f16(mean(x, axis=0)), max(x), argmax(x, axis=1))
  export fn limits(x: f32[b, t]) -> (f16[b, t], i32[b, t], f16[t, b]) =
    (f16(x * 1e6), i32(f16(x * 10.0)), permute(f16(x), [1, 0]))
  export fn recur(x: f16[b, t, d]) -> f16[b, d] = fold h = zeros([b, d]) |> f16 over xt in x along 1 => 0.5 * h + xt
  export fn count(x: f16[b, d]) -> f16[d] {
    update seen = seen + sum(x, axis=0)
    seen
  }
}

/// The sums of the gradients are f16 at `weight` and `table`, f32 at `scale`.
export train Fit(net: Halves) {
  batch x: f16[b, 6], i: i32[b]
  let y = f32((x + gather(net.table, i, axis=0)) @ net.weight) * net.scale
  minimize mean((y - 1.0) ^ 2) of net using Adam(lr=0.01)
}
