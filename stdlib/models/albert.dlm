// ALBERT with Hugging Face's parameter names: one layer for all depths, narrow embeddings that a dense layer widens.
import { Linear } from "std/nn/linear"
import { Embedding } from "std/nn/embedding"
import { LayerNorm } from "std/nn/norm"
import { Dropout } from "std/nn/dropout"
import { scaled_dot_product_attention } from "std/nn/attention"

fn dense(inputs: int, outputs: int) = Linear(inputs, outputs, init=normal(0.02))

layer Embeddings(vocab: int, e: int, max_len: int, types: int, dropout: real, eps: real) {
  let word_embeddings       = Embedding(vocab, e, init=normal(0.02))
  let position_embeddings   = Embedding(max_len, e, init=normal(0.02))
  let token_type_embeddings = Embedding(types, e, init=normal(0.02))
  @name("LayerNorm.{path}") let norm = LayerNorm(e, eps=eps)
  let drop = Dropout(dropout)
  fn forward(ids: i32[b, t], type_ids: i32[b, t]?) -> [b, t, e] {
    let kinds = token_type_embeddings(type_ids ?? full([b, t], 0))
    drop(norm(word_embeddings(ids) + kinds + position_embeddings(iota(t))))
  }
}

layer SelfAttention(d: int, heads: int, dropout: real, eps: real) requires d % heads == 0 {
  let dh    = d / heads
  let query = dense(d, d)
  let key   = dense(d, d)
  let value = dense(d, d)
  @name("dense.{path}") let proj = dense(d, d)
  @name("LayerNorm.{path}") let norm = LayerNorm(d, eps=eps)
  let drop  = Dropout(dropout)
  fn fan(x: [b, t, d]) -> [b, heads, t, dh] = rearrange[b t (heads dh) -> b heads t dh](x)
  fn forward(x: [b, t, d], hidden: bool[b, 1, 1, t]?) -> [b, t, d] {
    let y = scaled_dot_product_attention(fan(query(x)), fan(key(x)), fan(value(x)), hidden, dropout)
    norm(x + drop(proj(rearrange[b heads t dh -> b t (heads dh)](y))))
  }
}

// Attention and two dense layers, norms after the residuals.
layer AlbertLayer(d: int, heads: int, inner: int, dropout: real, eps: real) {
  let full_layer_layer_norm = LayerNorm(d, eps=eps)
  let attention  = SelfAttention(d, heads, dropout, eps)
  let ffn        = dense(d, inner)
  let ffn_output = dense(inner, d)
  let drop       = Dropout(dropout)
  fn forward(x: [b, t, d], hidden: bool[b, 1, 1, t]?) -> [b, t, d] {
    let x = attention(x, hidden)
    full_layer_layer_norm(x + drop(x |> ffn |> gelu(approximate="tanh") |> ffn_output))
  }
}

/// ALBERT (Lan et al. 2020): ids [b, t] -> hidden states [b, t, d] and `pooled` [b, d] of the first token. All `depth`
/// layers are one; words have `e` numbers. The base model's 11,683,584 parameters; large is d=1024, heads=16, depth=24.
/// Paths: `embeddings.word_embeddings`, `encoder.albert_layer_groups.0.albert_layers.0.attention.query`, …, `pooler`.
export model Albert(vocab: int = 30000, e: int = 128, d: int = 768, heads: int = 12, depth: int = 12, inner: int = 4 * d,
                    max_len: int = 512, types: int = 2, dropout: real = 0.0, eps: real = 1e-12) {
  let embeddings = Embeddings(vocab, e, max_len, types, dropout, eps)
  @name("encoder.embedding_hidden_mapping_in.{path}") let widen = dense(e, d)
  @name("encoder.albert_layer_groups.0.albert_layers.0.{path}") let block = AlbertLayer(d, heads, inner, dropout, eps)
  let pooler = dense(d, d)

  export fn forward(ids: i32[b, t], ignore: bool[b, t]? = none, type_ids: i32[b, t]? = none)
    -> (hidden: [b, t, d], pooled: [b, d]) requires t <= max_len {
    let hidden = if ignore != none { rearrange[b t -> b 1 1 t](ignore) } else { none }
    let x = fold x = widen(embeddings(ids, type_ids)) over i in 0..depth => block(x, hidden)
    (hidden=x, pooled=tanh(pooler(x[:, 0])))
  }
}

/// ALBERT with both heads of its pre-training: logits of every token [b, t, vocab], by the tied embedding, and of
/// whether two sentences are in order or were swapped [b, 2]. Paths: `albert.…`, `predictions.…`,
/// `sop_classifier.classifier`.
export model AlbertForPreTraining(vocab: int = 30000, e: int = 128, d: int = 768, heads: int = 12, depth: int = 12,
                                  inner: int = 4 * d, max_len: int = 512, types: int = 2, dropout: real = 0.0, eps: real = 1e-12) {
  let albert = Albert(vocab, e, d, heads, depth, inner, max_len, types, dropout, eps)
  @name("predictions.dense.{path}") let transform = dense(d, e)
  @name("predictions.LayerNorm.{path}") let norm = LayerNorm(e, eps=eps)
  @name("predictions.bias") param bias: [vocab] = zeros()
  @name("sop_classifier.classifier.{path}") let order = dense(d, 2)

  export fn forward(ids: i32[b, t], ignore: bool[b, t]? = none, type_ids: i32[b, t]? = none)
    -> (tokens: [b, t, vocab], order: [b, 2]) requires t <= max_len {
    let r = albert(ids, ignore, type_ids)
    let x = norm(r.hidden |> transform |> gelu(approximate="tanh"))
    (tokens=linear(x, albert.embeddings.word_embeddings.weight, bias), order=order(r.pooled))
  }
}
