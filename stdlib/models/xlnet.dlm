// XLNet with Hugging Face's parameter names: attention by relative places, and two streams for permuted texts.
import { Linear } from "std/nn/linear"
import { Embedding } from "std/nn/embedding"
import { LayerNorm } from "std/nn/norm"
import { Dropout } from "std/nn/dropout"

// sin, then cos of the distances t, t - 1, …, 1 - t: [2 t, d].
fn distances(t: int, d: int) -> [2 * t, d] {
  let half  = d / 2
  let rates = exp(f32(iota(half)) * (-9.210340371976184 / half))
  let angle = reshape(f32(t - iota(2 * t)), [2 * t, 1]) * rates
  concat([sin(angle), cos(angle)], axis=-1)
}

layer RelativeAttention(d: int, heads: int, dh: int, dropout: real, eps: real) {
  param q: [d, heads, dh] = normal(0.02)
  param k: [d, heads, dh] = normal(0.02)
  param v: [d, heads, dh] = normal(0.02)
  param o: [d, heads, dh] = normal(0.02)
  param r: [d, heads, dh] = normal(0.02)
  param r_w_bias: [heads, dh] = normal(0.02)
  param r_r_bias: [heads, dh] = normal(0.02)
  param r_s_bias: [heads, dh] = normal(0.02)
  param seg_embed: [2, heads, dh] = normal(0.02)
  let layer_norm = LayerNorm(d, eps=eps)
  let drop = Dropout(dropout)

  // What `x` makes of the content `h`: scores of content, of places and of whether both are of one sentence.
  fn forward(x: [b, t, d], h: [b, t, d], hidden: bool[b, t, t], other: bool[b, t, t]) -> [b, t, d] {
    let query = einsum[b t d, d h e -> b t h e](x, q)
    let key   = einsum[b t d, d h e -> b t h e](h, k)
    let value = einsum[b t d, d h e -> b t h e](h, v)
    let far   = einsum[p d, d h e -> p h e](distances(t, d), r)
    let content = einsum[b i h e, b j h e -> b h i j](query + r_w_bias, key)
    let place = einsum[b i h e, p h e -> b h i p](query + r_r_bias, far)
    let place = for n < b, a < heads, i < t, j < t => place[n, a, i, j + t - i] ?? 0.0
    let sides = einsum[b i h e, s h e -> s b h i](query + r_s_bias, seg_embed)
    let side  = where(rearrange[b i j -> b 1 i j](other), rearrange[b h i -> b h i 1](sides[1]), rearrange[b h i -> b h i 1](sides[0]))
    let scores = (content + place + side) / sqrt(dh)
    let w = softmax(where(rearrange[b i j -> b 1 i j](hidden), -inf, scores), axis=-1)
    let y = einsum[b h i j, b j h e -> b i h e](w, value)
    layer_norm(x + drop(einsum[b i h e, d h e -> b i d](y, o)))
  }
}

layer Feed(d: int, inner: int, dropout: real, eps: real) {
  let layer_norm = LayerNorm(d, eps=eps)
  let layer_1 = Linear(d, inner, init=normal(0.02))
  let layer_2 = Linear(inner, d, init=normal(0.02))
  let drop = Dropout(dropout)
  fn forward(x: [b, t, d]) -> [b, t, d] = layer_norm(x + (x |> layer_1 |> gelu |> drop |> layer_2 |> drop))
}

layer Block(d: int, heads: int, inner: int, dropout: real, eps: real) {
  let rel_attn = RelativeAttention(d, heads, d / heads, dropout, eps)
  let ff = Feed(d, inner, dropout, eps)
  fn forward(x: [b, t, d], h: [b, t, d], hidden: bool[b, t, t], other: bool[b, t, t]) -> [b, t, d] =
    ff(rel_attn(x, h, hidden, other))
}

/// XLNet (Yang et al. 2019), without a memory of earlier segments. It reads a text, where `ignore` is false, both ways:
/// ids [b, t] -> hidden states [b, t, d]. The base model's 116,717,568 parameters; large is d=1024, heads=16, depth=24.
/// Paths: `word_embedding`, `layer.0.rel_attn.q`, …, `layer.0.ff.layer_1`.
export model XlNet(vocab: int = 32000, d: int = 768, heads: int = 12, depth: int = 12, inner: int = 4 * d,
                   dropout: real = 0.1, eps: real = 1e-12) requires d % heads == 0 {
  let word_embedding = Embedding(vocab, d, init=normal(0.02))
  @name("layer.{index}.{path}") let layer_list = for i in 0..depth => Block(d, heads, inner, dropout, eps)
  let drop = Dropout(dropout)

  fn others(type_ids: i32[b, t]?, b: int, t: int) -> bool[b, t, t] =
    if type_ids == none { full([b, t, t], false) } else { reshape(type_ids, [b, t, 1]) != reshape(type_ids, [b, 1, t]) }

  export fn forward(ids: i32[b, t], ignore: bool[b, t]? = none, type_ids: i32[b, t]? = none) -> [b, t, d] {
    let hidden = if ignore == none { full([b, t, t], false) } else { broadcast_to(rearrange[b t -> b 1 t](ignore), [b, t, t]) }
    let other  = others(type_ids, b, t)
    drop(fold x = drop(word_embedding(ids)) over f in layer_list => f(x, x, hidden, other))
  }
  // Two streams side by side: the second one starts from `start` and knows places, but not the words there.
  fn permuted(ids: i32[b, t], order: i32[b, t], type_ids: i32[b, t]?, start: [1, 1, d]) -> [b, t, d] {
    let after = reshape(order, [b, 1, t]) > reshape(order, [b, t, 1])
    let until = reshape(order, [b, 1, t]) >= reshape(order, [b, t, 1])
    let other = others(type_ids, b, t)
    let first = (drop(word_embedding(ids)), drop(broadcast_to(start, [b, t, d])))
    let (_, g) = fold (h, g) = first over f in layer_list => (f(h, h, after, other), f(g, h, until, other))
    drop(g)
  }
}

/// XLNet with the head of its pre-training: logits [b, t, vocab] of each word, given those that come before it in `order`
/// [b, t]. 116,750,336 parameters. Paths: `transformer.…`, `transformer.mask_emb`, `lm_loss.bias`.
export model XlNetForPreTraining(vocab: int = 32000, d: int = 768, heads: int = 12, depth: int = 12, inner: int = 4 * d,
                                 dropout: real = 0.1, eps: real = 1e-12) requires d % heads == 0 {
  let transformer = XlNet(vocab, d, heads, depth, inner, dropout, eps)
  @name("transformer.mask_emb") param mask_emb: [1, 1, d] = normal(0.02)
  @name("lm_loss.bias") param bias: [vocab] = zeros()
  export fn forward(ids: i32[b, t], order: i32[b, t], type_ids: i32[b, t]? = none) -> [b, t, vocab] =
    linear(transformer.permuted(ids, order, type_ids, mask_emb), transformer.word_embedding.weight, bias)
}
