// Where things are: absolute positions added to vectors, rotations of queries and keys, and relative positions
// inside of attention.
import { Linear } from "std/nn/linear"
import { Embedding } from "std/nn/embedding"
import { masked } from "std/nn/attention"

/// A learned vector per position, added to [b, t, d] (BERT, GPT). weight: [max_len, d].
export layer LearnedPositionalEmbedding(max_len: int, d_model: int) {
  param weight: [max_len, d_model] = normal(0.02)
  fn forward(x: [b, t, d_model], start: i32[] = 0) -> [b, t, d_model] requires t <= max_len =
    x + gather(weight, start + iota(t), axis=0)
}

/// sin(pos / 10000^(2i/d)) at even columns, cos at odd ones: [n, d] (Vaswani et al. 2017). `sinusoid` of the prelude
/// has the sines before the cosines instead.
export fn interleaved_sinusoid(n: int, d: int) -> [n, d] {
  let half  = d / 2
  let rates = exp(f32(iota(half)) * (-9.210340371976184 / half))
  let angle = reshape(f32(iota(n)), [n, 1]) * rates
  rearrange[n half two -> n (half two)](stack([sin(angle), cos(angle)], axis=-1), two=2)
}

/// Sinusoidal positions added to [b, t, d], then dropout.
export layer PositionalEncoding(d_model: int, dropout: real = 0.0) {
  fn forward(x: [b, t, d_model]) -> [b, t, d_model] = drop(x + interleaved_sinusoid(t, d_model), dropout)
}

fn drop(x: [...], p: real) -> [...] = dropout(x, p)

/// Rotary positions (Su et al. 2021): element pairs (2i, 2i+1) of [..., t, d] turn by pos / base^(2i/d).
export fn rotary(x: [...s, t, d], start: i32[] = 0, base: real = 10000.0) -> [...s, t, d] {
  let half  = d / 2
  let rates = exp(f32(iota(half)) * (-log(base) / half))
  let angle = reshape(f32(start + iota(t)), [t, 1]) * rates
  let pairs = reshape(x, shape(x)[: rank(x) - 1] + [half, 2])
  let (a, b) = (reshape(pairs[..., 0], shape(x)[: rank(x) - 1] + [half]), reshape(pairs[..., 1], shape(x)[: rank(x) - 1] + [half]))
  let turned = stack([a * cos(angle) - b * sin(angle), a * sin(angle) + b * cos(angle)], axis=-1)
  reshape(turned, shape(x))
}

/// ALiBi (Press et al. 2022): -slope_h · |i - j| added to the scores, slopes 2^(-8/heads), 2^(-16/heads), …: [heads, t, s].
/// The last query stands at the last key.
export fn alibi_bias(heads: int, t: int, s: int) -> [heads, t, s] {
  let slopes = exp(f32(iota(heads) + 1) * (-5.545177444479562 / heads))
  let away   = abs(reshape(f32(iota(t)), [t, 1]) + f32(s - t) - f32(iota(s)))
  reshape(-slopes, [heads, 1, 1]) * away
}

/// XLNet's mask (Yang et al. 2019): position i may see j where j comes before i in `order`. True is ignored; with
/// `content`, i sees itself.
export fn permutation_mask(order: i32[t], content: bool = false) -> bool[t, t] =
  for i < t, j < t => if content { order[j] > order[i] } else { order[j] >= order[i] }

/// T5's bucket of a relative position (Raffel et al. 2020): half exact, half logarithmic up to `max_distance`.
export fn relative_bucket(offset: i32[...s], bidirectional: bool = true, num_buckets: int = 32, max_distance: int = 128) -> i32[...s] {
  let n = if bidirectional { floor_div(num_buckets, 2) } else { num_buckets }
  let side = if bidirectional { where(offset > 0, n, 0) } else { where(offset > 0, 0, 0) }
  let away = if bidirectional { abs(offset) } else { max(-offset, 0) }
  let exact = floor_div(n, 2)
  let far = f32(exact) + log(f32(max(away, 1)) / exact) / log(max_distance / exact) * (n - exact)
  side + where(away < exact, away, min(i32(far), n - 1))
}

/// T5's learned bias per bucket and head: [heads, t, s]. weight: [num_buckets, heads], as `relative_attention_bias`.
export layer RelativePositionBias(num_heads: int, bidirectional: bool = true, num_buckets: int = 32, max_distance: int = 128) {
  param weight: [num_buckets, num_heads] = normal(1.0)
  fn forward(t: int, s: int) -> [num_heads, t, s] {
    let offset = reshape(iota(s), [1, s]) - reshape(iota(t), [t, 1])
    let b = relative_bucket(offset, bidirectional, num_buckets, max_distance)
    permute(gather(weight, b, axis=0), [2, 0, 1])
  }
}

/// Self-attention with learned vectors for clipped distances, on keys and values (Shaw et al. 2018).
export layer ShawAttention(embed_dim: int, num_heads: int, max_distance: int)
  requires embed_dim % num_heads == 0 {
  let dh  = embed_dim / num_heads
  let qkv = Linear(embed_dim, 3 * embed_dim)
  let out_proj = Linear(embed_dim, embed_dim)
  param relative_k: [2 * max_distance + 1, dh] = normal(0.02)
  param relative_v: [2 * max_distance + 1, dh] = normal(0.02)

  fn forward(x: [b, t, embed_dim], mask: bool[...m] | [...m] ? = none) -> [b, t, embed_dim] {
    let fan = fn (x: [b, t, embed_dim]) => rearrange[b t (num_heads dh) -> b num_heads t dh](x)
    let (q, k, v) = split(qkv(x), 3, axis=-1)
    let away = reshape(iota(t), [1, t]) - reshape(iota(t), [t, 1])
    let id = min(max(away, -max_distance), max_distance) + max_distance
    let (rk, rv) = (gather(relative_k, id, axis=0), gather(relative_v, id, axis=0))
    let scores = fan(q) @ transpose(fan(k)) + einsum[b h i e, i j e -> b h i j](fan(q), rk)
    let w = softmax(masked(scores / sqrt(dh), mask), axis=-1)
    let y = w @ fan(v) + einsum[b h i j, i j e -> b h i e](w, rv)
    out_proj(rearrange[b num_heads t dh -> b t (num_heads dh)](y))
  }
}

/// Attention of Transformer-XL (Dai et al. 2019): scores (q + u)ᵀ k + (q + v)ᵀ W_r r(i - j) with sinusoidal r, over
/// `memory` [b, m, d] and x. Each position sees itself and what comes before.
export layer RelativeMultiheadAttention(embed_dim: int, num_heads: int)
  requires embed_dim % num_heads == 0 {
  let dh  = embed_dim / num_heads
  let q   = Linear(embed_dim, embed_dim, bias=false)
  let kv  = Linear(embed_dim, 2 * embed_dim, bias=false)
  let r   = Linear(embed_dim, embed_dim, bias=false)
  let out = Linear(embed_dim, embed_dim, bias=false)
  param u: [num_heads, dh] = zeros()
  param v: [num_heads, dh] = zeros()

  fn forward(x: [b, t, embed_dim], memory: [b, m, embed_dim]) -> [b, t, embed_dim] {
    let fan = fn (x: [b, n, embed_dim]) => rearrange[b n (num_heads dh) -> b num_heads n dh](x)
    let (key, value) = split(kv(concat([memory, x], axis=1)), 2, axis=-1)
    let query = fan(q(x))
    let far = r(flip(sinusoid(m + t, embed_dim), axis=0))
    let content = einsum[b h t e, b h s e -> b h t s](query + rearrange[h e -> h 1 e](u), fan(key))
    let place = einsum[b h t e, s h e -> b h t s](query + rearrange[h e -> h 1 e](v), rearrange[s (num_heads dh) -> s num_heads dh](far))
    let place = for n < b, a < num_heads, i < t, j < m + t => place[n, a, i, j + t - 1 - i] ?? 0.0
    let hidden = for i < t, j < m + t => j > i + m
    let w = softmax(where(hidden, -inf, (content + place) / sqrt(dh)), axis=-1)
    out(rearrange[b num_heads t dh -> b t (num_heads dh)](w @ fan(value)))
  }
}

/// Complex word vectors (Wang et al. 2020, "Encoding word order in complex embeddings"): amplitude · e^{i(ω · pos + φ)},
/// as [b, t, 2 · d]: real parts, then imaginary ones.
export layer ComplexEmbedding(num_embeddings: int, embedding_dim: int) {
  let amplitude = Embedding(num_embeddings, embedding_dim)
  let frequency = Embedding(num_embeddings, embedding_dim)
  let phase     = Embedding(num_embeddings, embedding_dim)
  fn forward(ids: i32[b, t]) -> [b, t, 2 * embedding_dim] {
    let angle = frequency(ids) * reshape(f32(iota(t)), [t, 1]) + phase(ids)
    concat([amplitude(ids) * cos(angle), amplitude(ids) * sin(angle)], axis=-1)
  }
}
