// BERT with Hugging Face's parameter names.
import { Linear } from "std/nn/linear"
import { Embedding } from "std/nn/embedding"
import { LayerNorm } from "std/nn/norm"
import { Dropout } from "std/nn/dropout"
import { scaled_dot_product_attention } from "std/nn/attention"

fn dense(inputs: int, outputs: int) = Linear(inputs, outputs, init=normal(0.02))

layer Embeddings(vocab: int, d: int, max_len: int, types: int, dropout: real, eps: real) {
  let word_embeddings       = Embedding(vocab, d, init=normal(0.02))
  let position_embeddings   = Embedding(max_len, d, init=normal(0.02))
  let token_type_embeddings = Embedding(types, d, init=normal(0.02))
  @name("LayerNorm.{path}") let norm = LayerNorm(d, eps=eps)
  let drop = Dropout(dropout)
  fn forward(ids: i32[b, t], type_ids: i32[b, t]?) -> [b, t, d] {
    let kinds = token_type_embeddings(type_ids ?? full([b, t], 0))
    drop(norm(word_embeddings(ids) + kinds + position_embeddings(iota(t))))
  }
}

layer SelfAttention(d: int, heads: int, dropout: real) requires d % heads == 0 {
  let dh    = d / heads
  let query = dense(d, d)
  let key   = dense(d, d)
  let value = dense(d, d)
  fn fan(x: [b, t, d]) -> [b, heads, t, dh] = rearrange[b t (heads dh) -> b heads t dh](x)
  fn forward(x: [b, t, d], hidden: bool[b, 1, 1, t]?) -> [b, t, d] =
    rearrange[b heads t dh -> b t (heads dh)](
      scaled_dot_product_attention(fan(query(x)), fan(key(x)), fan(value(x)), hidden, dropout))
}

// A dense layer back to d, and a norm after the residual.
layer Output(inputs: int, d: int, dropout: real, eps: real) {
  @name("dense.{path}") let proj = dense(inputs, d)
  @name("LayerNorm.{path}") let norm = LayerNorm(d, eps=eps)
  let drop = Dropout(dropout)
  fn forward(y: [b, t, inputs], x: [b, t, d]) -> [b, t, d] = norm(x + drop(proj(y)))
}

// One layer of BERT: attention and two dense layers, norms after the residuals. `hidden`: true where a position is
// padding.
layer BertLayer(d: int, heads: int, inner: int = 4 * d, dropout: real = 0.1, eps: real = 1e-12) {
  @name("attention.self.{path}") let attention = SelfAttention(d, heads, dropout)
  @name("attention.output.{path}") let attended = Output(d, d, dropout, eps)
  @name("intermediate.dense.{path}") let intermediate = dense(d, inner)
  let output = Output(inner, d, dropout, eps)
  fn forward(x: [b, t, d], hidden: bool[b, 1, 1, t]?) -> [b, t, d] {
    let x = attended(attention(x, hidden), x)
    output(gelu(intermediate(x)), x)
  }
}

/// BERT (Devlin et al. 2019): ids [b, t] -> hidden states [b, t, d] and `pooled` [b, d] of the first token. `ignore` is
/// true at padding, `type_ids` tell the sentences apart. The base model's 109,482,240 parameters; large is d=1024,
/// heads=16, depth=24. Paths: `embeddings.word_embeddings`, `encoder.layer.0.attention.self.query`, …, `pooler.dense`.
export model Bert(vocab: int = 30522, d: int = 768, heads: int = 12, depth: int = 12, inner: int = 4 * d,
                  max_len: int = 512, types: int = 2, dropout: real = 0.1, eps: real = 1e-12) {
  let embeddings = Embeddings(vocab, d, max_len, types, dropout, eps)
  @name("encoder.layer.{index}.{path}") let blocks = for i in 0..depth => BertLayer(d, heads, inner, dropout, eps)
  @name("pooler.dense.{path}") let pooler = dense(d, d)

  export fn forward(ids: i32[b, t], ignore: bool[b, t]? = none, type_ids: i32[b, t]? = none)
    -> (hidden: [b, t, d], pooled: [b, d]) requires t <= max_len {
    let hidden = if ignore != none { rearrange[b t -> b 1 1 t](ignore) } else { none }
    let x = fold x = embeddings(ids, type_ids) over block in blocks => block(x, hidden)
    (hidden=x, pooled=tanh(pooler(x[:, 0])))
  }
}

/// BERT with both heads of its pre-training: logits of every token [b, t, vocab], by the tied embedding, and of
/// whether the second sentence follows the first [b, 2]. 110,106,428 parameters. Paths: `bert.…`, `cls.predictions.…`,
/// `cls.seq_relationship`.
export model BertForPreTraining(vocab: int = 30522, d: int = 768, heads: int = 12, depth: int = 12, inner: int = 4 * d,
                                max_len: int = 512, types: int = 2, dropout: real = 0.1, eps: real = 1e-12) {
  let bert = Bert(vocab, d, heads, depth, inner, max_len, types, dropout, eps)
  @name("cls.predictions.transform.dense.{path}") let transform = dense(d, d)
  @name("cls.predictions.transform.LayerNorm.{path}") let norm = LayerNorm(d, eps=eps)
  @name("cls.predictions.bias") param bias: [vocab] = zeros()
  @name("cls.seq_relationship.{path}") let follows = dense(d, 2)

  export fn forward(ids: i32[b, t], ignore: bool[b, t]? = none, type_ids: i32[b, t]? = none)
    -> (tokens: [b, t, vocab], follows: [b, 2]) requires t <= max_len {
    let r = bert(ids, ignore, type_ids)
    let x = norm(gelu(transform(r.hidden)))
    (tokens=linear(x, bert.embeddings.word_embeddings.weight, bias), follows=follows(r.pooled))
  }
}
