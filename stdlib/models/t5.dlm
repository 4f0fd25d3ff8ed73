// T5 with Hugging Face's parameter names: no biases, no scaling of scores, positions by bucketed distances.
import { Linear } from "std/nn/linear"
import { Embedding } from "std/nn/embedding"
import { RMSNorm } from "std/nn/norm"
import { Dropout } from "std/nn/dropout"
import { scaled_dot_product_attention } from "std/nn/attention"
import { RelativePositionBias } from "std/nn/position"

fn dense(inputs: int, outputs: int, std: real) = Linear(inputs, outputs, bias=false, init=normal(std))

// Attention of x over y with `bias` added to the scores; `place` where this layer has the stack's distances.
layer Attention(d: int, heads: int, d_kv: int, dropout: real, place: "none" | "both" | "before" = "none") {
  let inner = heads * d_kv
  let q = dense(d, inner, 1.0 / sqrt(1.0 * d * d_kv))
  let k = dense(d, inner, 1.0 / sqrt(1.0 * d))
  let v = dense(d, inner, 1.0 / sqrt(1.0 * d))
  let o = dense(inner, d, 1.0 / sqrt(1.0 * inner))
  let relative_attention_bias = if place == "none" { none } else { RelativePositionBias(heads, place == "both") }
  fn fan(x: [b, t, inner]) -> [b, heads, t, d_kv] = rearrange[b t (heads d_kv) -> b heads t d_kv](x)
  fn forward(x: [b, t, d], y: [b, s, d], bias: [...m, t, s]?) -> [b, t, d] =
    o(rearrange[b heads t d_kv -> b t (heads d_kv)](
      scaled_dot_product_attention(fan(q(x)), fan(k(y)), fan(v(y)), bias, dropout, scale=1.0)))
}

layer SelfPart(d: int, heads: int, d_kv: int, dropout: real, place: "none" | "both" | "before") {
  @name("SelfAttention.{path}") let attention = Attention(d, heads, d_kv, dropout, place)
  let layer_norm = RMSNorm(d)
  let drop = Dropout(dropout)
  fn forward(x: [b, t, d], bias: [...m, t, t]) -> [b, t, d] {
    let y = layer_norm(x)
    x + drop(attention(y, y, bias))
  }
}

layer CrossPart(d: int, heads: int, d_kv: int, dropout: real) {
  @name("EncDecAttention.{path}") let attention = Attention(d, heads, d_kv, dropout)
  let layer_norm = RMSNorm(d)
  let drop = Dropout(dropout)
  fn forward(x: [b, t, d], memory: [b, s, d], bias: [b, 1, 1, s]?) -> [b, t, d] =
    x + drop(attention(layer_norm(x), memory, if bias != none { broadcast_to(bias, [b, 1, t, s]) } else { none }))
}

layer FeedPart(d: int, d_ff: int, dropout: real) {
  @name("DenseReluDense.wi.{path}") let wi = dense(d, d_ff, 1.0 / sqrt(1.0 * d))
  @name("DenseReluDense.wo.{path}") let wo = dense(d_ff, d, 1.0 / sqrt(1.0 * d_ff))
  let layer_norm = RMSNorm(d)
  let drop = Dropout(dropout)
  fn forward(x: [b, t, d]) -> [b, t, d] = x + drop(x |> layer_norm |> wi |> relu |> drop |> wo)
}

// The parts of a block are its `layer.0`, `layer.1`, ….
layer EncoderBlock(d: int, heads: int, d_kv: int, d_ff: int, dropout: real, place: "none" | "both" | "before") {
  @name("layer.{index}.{path}") let parts = [SelfPart(d, heads, d_kv, dropout, place), FeedPart(d, d_ff, dropout)]
  fn place_bias(t: int) = parts[0].attention.relative_attention_bias(t, t)
  fn forward(x: [b, t, d], bias: [...m, t, t]) -> [b, t, d] = parts[1](parts[0](x, bias))
}

layer DecoderBlock(d: int, heads: int, d_kv: int, d_ff: int, dropout: real, place: "none" | "both" | "before") {
  @name("layer.{index}.{path}") let parts =
    [SelfPart(d, heads, d_kv, dropout, place), CrossPart(d, heads, d_kv, dropout), FeedPart(d, d_ff, dropout)]
  fn place_bias(t: int) = parts[0].attention.relative_attention_bias(t, t)
  fn forward(x: [b, t, d], memory: [b, s, d], bias: [...m, t, t], memory_bias: [b, 1, 1, s]?) -> [b, t, d] =
    parts[2](parts[1](parts[0](x, bias), memory, memory_bias))
}

// Blocks, of which the first has the distances of all, and a norm.
layer Stack(make: layer, depth: int, d: int, heads: int, d_kv: int, d_ff: int, dropout: real, place: "both" | "before") {
  let block = for i in 0..depth => make(d, heads, d_kv, d_ff, dropout, if i == 0 { place } else { "none" })
  let final_layer_norm = RMSNorm(d)
}

/// T5 (Raffel et al. 2020), text to text: logits [b, t, vocab] of `target` shifted right (`start` comes first), given
/// `ids` [b, s]; `ignore` is true at padding of ids. The small model's 60,506,624 parameters; base is d=768, heads=12,
/// d_ff=3072, depth=12. The head is the embedding, scaled by 1/√d. Paths: `shared`,
/// `encoder.block.0.layer.0.SelfAttention.q`, …, `decoder.final_layer_norm`.
export model T5(vocab: int = 32128, d: int = 512, heads: int = 8, d_kv: int = 64, d_ff: int = 2048, depth: int = 6,
                dropout: real = 0.1, start: int = 0) {
  let shared  = Embedding(vocab, d, init=normal(1.0))
  let encoder = Stack(EncoderBlock, depth, d, heads, d_kv, d_ff, dropout, "both")
  let decoder = Stack(DecoderBlock, depth, d, heads, d_kv, d_ff, dropout, "before")
  let drop    = Dropout(dropout)

  // -inf at padding.
  fn closed(ignore: bool[b, s]) -> [b, 1, 1, s] = where(rearrange[b s -> b 1 1 s](ignore), -inf, 0.0)

  export fn encode(ids: i32[b, s], ignore: bool[b, s]? = none) -> [b, s, d] {
    let bias = encoder.block[0].place_bias(s)
    let bias = if ignore != none { bias + closed(ignore) } else { bias }
    drop(encoder.final_layer_norm(fold x = drop(shared(ids)) over f in encoder.block => f(x, bias)))
  }
  /// Logits of what follows each position of `ids`.
  export fn decode(ids: i32[b, t], memory: [b, s, d], ignore: bool[b, s]? = none) -> [b, t, vocab] {
    let later = for i < t, j < t => j > i
    let bias = where(later, -inf, decoder.block[0].place_bias(t))
    let memory_bias = if ignore != none { closed(ignore) } else { none }
    let x = fold x = drop(shared(ids)) over f in decoder.block => f(x, memory, bias, memory_bias)
    linear(drop(decoder.final_layer_norm(x)) / sqrt(d), shared.weight)
  }
  export fn forward(ids: i32[b, s], target: i32[b, t], ignore: bool[b, s]? = none) -> [b, t, vocab] =
    decode(concat([full([b, 1], start), target[:, : t - 1]], axis=1), encode(ids, ignore), ignore)
}
