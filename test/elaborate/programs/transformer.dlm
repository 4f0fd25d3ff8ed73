import { Linear, LayerNorm, Embedding, Dropout } from "std/nn"
import { AdamW, global_norm, linear_decay } from "std/optim"

/// `allow`: true where position t may attend to s.
export fn attend(q: [b, h, t, e], k: [b, h, s, e], v: [b, h, s, e], allow: bool[...m, t, s]) -> [b, h, t, e] {
  let scores = einsum[b h t e, b h s e -> b h t s](q, k) / sqrt(e)
  einsum[b h t s, b h s e -> b h t e](softmax(where(allow, scores, -inf), axis=-1), v)
}

export layer CausalAttention(d: int, heads: int) {
  let dh  = d / heads
  let qkv = Linear(d, 3 * d)
  let out = Linear(d, d)

  fn fan(x: [b, t, d]) -> [b, heads, t, dh] = rearrange[b t (heads dh) -> b heads t dh](x)
  fn join(x: [b, heads, t, dh]) -> [b, t, d] = rearrange[b heads t dh -> b t (heads dh)](x)

  fn forward(x: [b, t, d], keep: bool[b, t]? = none) -> [b, t, d] {
    let (q, k, v) = split(qkv(x), 3, axis=-1)
    let causal = for i < t, j < t => j <= i
    let allow = if keep != none { causal && rearrange[b t -> b 1 1 t](keep) } else { causal }
    attend(fan(q), fan(k), fan(v), allow) |> join |> out
  }
}

export layer Block(d: int, heads: int, hidden: int = 4 * d, dropout: real = 0.1) {
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
}

export model Gpt(vocab: int = 32, d: int = 16, heads: int = 4, depth: int = 2, max_len: int = 64) {
  let wte  = Embedding(vocab, d)
  let wpe  = Embedding(max_len, d)
  let h    = for i in 0..depth => Block(d, heads)
  let ln_f = LayerNorm(d)
  let head = Linear(d, vocab, bias=false) with { weight=wte.weight }

  export fn forward(ids: i32[b, t]) -> [b, t, vocab] requires t <= max_len {
    let x = wte(ids) + wpe(iota(t))
    let x = fold x = x over blk in h => blk(x)
    x |> ln_f |> head
  }
}

export train FitGpt(net: Gpt, lr: f32[] = 3e-4, total: i32[] = 1000) {
  batch ids: i32[b, t], next: i32[b, t]
  minimize cross_entropy(net(ids), next) using AdamW(lr=linear_decay(lr, total)) with { clip=global_norm(1.0) }
}
