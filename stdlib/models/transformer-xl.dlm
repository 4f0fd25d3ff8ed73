// Transformer-XL with the parameter names of Hugging Face's port: attention over earlier segments by relative places.
import { Linear } from "std/nn/linear"
import { Embedding } from "std/nn/embedding"
import { LayerNorm } from "std/nn/norm"
import { Dropout } from "std/nn/dropout"

// Scores (q + u)ᵀ k + (q + v)ᵀ W r(i - j) over `memory` and x; each position sees itself and what comes before.
layer RelativeAttention(d: int, heads: int, dropout: real, eps: real) requires d % heads == 0 {
  let dh = d / heads
  let qkv_net = Linear(d, 3 * d, bias=false, init=normal(0.02))
  let r_net   = Linear(d, d, bias=false, init=normal(0.02))
  let o_net   = Linear(d, d, bias=false, init=normal(0.02))
  let layer_norm = LayerNorm(d, eps=eps)
  let drop    = Dropout(dropout)

  fn fan(x: [b, n, d]) -> [b, heads, n, dh] = rearrange[b n (heads dh) -> b heads n dh](x)
  fn forward(x: [b, t, d], memory: [b, m, d], u: [heads, dh], v: [heads, dh]) -> [b, t, d] {
    let (query, key, value) = split(qkv_net(concat([memory, x], axis=1)), 3, axis=-1)
    let q = fan(query[:, m:])
    let far = r_net(flip(sinusoid(m + t, d), axis=0))
    let content = einsum[b h t e, b h s e -> b h t s](q + rearrange[h e -> h 1 e](u), fan(key))
    let place = einsum[b h t e, s h e -> b h t s](q + rearrange[h e -> h 1 e](v), rearrange[s (heads dh) -> s heads dh](far))
    let place = for n < b, a < heads, i < t, j < m + t => place[n, a, i, j + t - 1 - i] ?? 0.0
    let later = for i < t, j < m + t => j > i + m
    let w = softmax(where(later, -inf, (content + place) / sqrt(dh)), axis=-1)
    layer_norm(x + drop(o_net(rearrange[b heads t dh -> b t (heads dh)](w @ fan(value)))))
  }
}

layer Feed(d: int, inner: int, dropout: real, eps: real) {
  @name("CoreNet.0.{path}") let wide = Linear(d, inner, init=normal(0.02))
  @name("CoreNet.3.{path}") let back = Linear(inner, d, init=normal(0.02))
  let layer_norm = LayerNorm(d, eps=eps)
  let drop = Dropout(dropout)
  fn forward(x: [b, t, d]) -> [b, t, d] = layer_norm(x + (x |> wide |> relu |> drop |> back |> drop))
}

layer Block(d: int, heads: int, inner: int, dropout: real, eps: real) {
  let dec_attn = RelativeAttention(d, heads, dropout, eps)
  let pos_ff   = Feed(d, inner, dropout, eps)
  fn forward(x: [b, t, d], memory: [b, m, d], u: [...], v: [...]) -> [b, t, d] = pos_ff(dec_attn(x, memory, u, v))
}

/// Transformer-XL (Dai et al. 2019): ids [b, t] of a segment -> logits [b, t, vocab] of what follows each. The last
/// `memory` positions of every layer are kept for the next segment, in a session or a training. The 41,055,436
/// parameters of the base model for characters (enwik8); the large one is d=1024, heads=8, inner=3072, depth=24. One
/// table of words, no adaptive softmax. Paths: `word_emb`, `r_w_bias`, `layers.0.dec_attn.qkv_net`, ….
export model TransformerXl(vocab: int = 204, d: int = 512, heads: int = 8, depth: int = 12, inner: int = 4 * d,
                           memory: int = 512, dropout: real = 0.1, eps: real = 1e-5) requires d % heads == 0 {
  let word_emb = Embedding(vocab, d, init=normal(0.02))
  param r_w_bias: [heads, d / heads] = normal(0.02)
  param r_r_bias: [heads, d / heads] = normal(0.02)
  let layers = for i in 0..depth => Block(d, heads, inner, dropout, eps)
  param bias: [vocab] = zeros()
  let drop = Dropout(dropout)
  cache past: [depth, b, memory, d]

  export fn forward(ids: i32[b, t]) -> [b, t, vocab] {
    let first = drop(sqrt(1.0 * d) * word_emb(ids))
    let (x, seen) = fold (x, seen) = (first, []) over i in 0..depth =>
      (layers[i](x, past[i], r_w_bias, r_r_bias), append(seen, concat([past[i], x], axis=1)[:, -memory:]))
    update past = stack(seen, axis=0)
    linear(drop(x), word_emb.weight, bias)
  }
}
