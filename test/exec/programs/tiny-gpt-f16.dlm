// exec: b=2 t=5 cap=12 ids<11 next<11
// TinyGpt computing in f16: entries, a cached session and a training step with a dynamic loss scale.
import { Linear, LayerNorm, Dropout, Embedding } from "std/nn"
import { AdamW } from "std/optim"

/// `allow`: true where position t may attend to s.
fn attend(q: [b, h, t, e], k: [b, h, s, e], v: [b, h, s, e], allow: bool[...m, t, s]) -> [b, h, t, e] {
  let scores = einsum[b h t e, b h s e -> b h t s](q, k) / sqrt(e)
  einsum[b h t s, b h s e -> b h t e](softmax(where(allow, scores, -inf), axis=-1), v)
}

layer CausalAttention(d: int, heads: int) {
  let dh  = d / heads
  let qkv = Linear(d, 3 * d)
  let out = Linear(d, d)
  cache keys:   [b, heads, cap, dh]
  cache values: [b, heads, cap, dh]

  fn fan(x: [b, t, d]) -> [b, heads, t, dh] = rearrange[b t (heads dh) -> b heads t dh](x)
  fn join(x: [b, heads, t, dh]) -> [b, t, d] = rearrange[b heads t dh -> b t (heads dh)](x)

  fn forward(x: [b, t, d], keep: bool[b, t]? = none) -> [b, t, d] {
    let (q, k, v) = split(qkv(x), 3, axis=-1)
    let causal = for i < t, j < t => j <= i
    let allow = if keep != none { causal && rearrange[b t -> b 1 1 t](keep) } else { causal }
    attend(fan(q), fan(k), fan(v), allow) |> join |> out
  }

  /// Append t tokens at `pos`, attending to everything cached so far.
  fn extend(x: [b, t, d], pos: i32[]) -> [b, t, d] {
    let (q, k, v) = split(qkv(x), 3, axis=-1)
    update keys   = put(keys, fan(k), at=pos, axis=2)
    update values = put(values, fan(v), at=pos, axis=2)
    let visible = for i < t, j < cap => j <= pos + i
    attend(fan(q), keys, values, visible) |> join |> out
  }
}

layer Block(d: int, heads: int, hidden: int = 4 * d, dropout: real = 0.1) {
  let ln_1 = LayerNorm(d)
  let attn = CausalAttention(d, heads)
  let ln_2 = LayerNorm(d)
  let fc   = Linear(d, hidden)
  let proj = Linear(hidden, d)
  let drop = Dropout(dropout)

  fn mlp(x: [b, t, d]) -> [b, t, d] = x |> ln_2 |> fc |> gelu |> proj |> drop
  fn forward(x: [b, t, d], keep: bool[b, t]? = none) -> [b, t, d] {
    let x = x + drop(attn(ln_1(x), keep))
    x + mlp(x)
  }
  fn extend(x: [b, t, d], pos: i32[]) -> [b, t, d] {
    let x = x + attn.extend(ln_1(x), pos)
    x + mlp(x)
  }
}

@precision(compute=f16, params=f32, accum=f32)
export model TinyGpt(vocab: int = 11, d: int = 8, heads: int = 2, depth: int = 2, max_len: int = 16) {
  let wte  = Embedding(vocab, d)
  let wpe  = Embedding(max_len, d)
  let h    = for i in 0..depth => Block(d, heads)
  let ln_f = LayerNorm(d)
  let head = Linear(d, vocab, bias=false) with { weight=wte.weight }

  export fn forward(ids: i32[b, t], keep: bool[b, t]? = none) -> [b, t, vocab] requires t <= max_len {
    let x = wte(ids) + wpe(iota(t))
    let x = fold x = x over blk in h => blk(x, keep)
    x |> ln_f |> head
  }
  export fn decode(ids: i32[b, t], pos: i32[]) -> [b, vocab] {
    let x = wte(ids) + wpe(pos + iota(t))
    let x = fold x = x over blk in h => blk.extend(x, pos)
    x[:, -1] |> ln_f |> head
  }
}

export train Fit(net: TinyGpt, lr: f32[] = 1e-3) {
  batch ids: i32[b, t], next: i32[b, t]
  minimize cross_entropy(net(ids), next) of net using AdamW(lr=lr) with { loss_scale=dynamic(65536.0) }
}
