// exec: b=2 t=3 ids<11 next<11
import { Linear, Embedding } from "std/nn"
import { SGD } from "std/optim"

layer RelAttention(d: int, heads: int, m: int) {
  let dh  = d / heads
  let q   = Linear(d, d)
  let kv  = Linear(d, 2 * d)
  let r   = Linear(d, d)
  let out = Linear(d, d)
  param u: [heads, 1, dh] = normal(0.1)
  param v: [heads, 1, dh] = normal(0.1)
  cache mem: [b, m, d]

  fn fan(x: [b, s, d]) -> [b, heads, s, dh] = rearrange[b s (heads dh) -> b heads s dh](x)
  fn forward(x: [b, t, d], pos: [m + t, d]) -> [b, t, d] {
    let all = concat([mem, x], axis=1)
    update mem = all[:, -m:]
    let (key, value) = split(kv(all), 2, axis=-1)
    let ac = einsum[b heads t dh, b heads s dh -> b heads t s](fan(q(x)) + u, fan(key))
    let bd = einsum[b heads t dh, s heads dh -> b heads t s](fan(q(x)) + v, rearrange[s (heads dh) -> s heads dh](r(pos)))
    let bd = for n < b, a < heads, i < t, j < m + t => bd[n, a, i, j + t - 1 - i] ?? 0.0
    let see = for i < t, j < m + t => j <= i + m
    let w  = softmax(where(see, (ac + bd) / sqrt(dh), -inf), axis=-1)
    einsum[b heads t s, b heads s dh -> b t heads dh](w, fan(value)) |> rearrange[b t heads dh -> b t (heads dh)]() |> out
  }
}

export model Txl(vocab: int, d: int = 8, m: int = 4, depth: int = 2) {
  let wte  = Embedding(vocab, d)
  let h    = for i in 0..depth => RelAttention(d, 2, m)
  let head = Linear(d, vocab)
  export fn forward(ids: i32[b, t]) -> [b, t, vocab] {
    let pos = flip(sinusoid(m + t, d), axis=0)   // farthest first
    head(fold x = wte(ids) over l in h => x + l(x, pos))
  }
}

export train FitTxl(net: Txl = Txl(vocab=11), lr: f32[] = 0.1) {
  batch ids: i32[b, t], next: i32[b, t]   // consecutive segments
  minimize cross_entropy(net(ids), next) using SGD(lr=lr)
}
