// exec: b=2 h=4 w=4 t=3 ids<7 answer<3
import { Linear, LayerNorm, Embedding, MultiheadAttention, TransformerEncoder } from "std/nn"
import { AdamW } from "std/optim"

layer CrossFuse(d: int, heads: int) {
  let norm_q  = LayerNorm(d)
  let norm_kv = LayerNorm(d)
  let attn    = MultiheadAttention(d, heads)
  param gate: [] = zeros()   // starts as identity
  fn forward(x: [b, n, d], y: [b, m, d], y_ignore: bool[b, m]? = none) -> [b, n, d] {
    let kv = norm_kv(y)
    x + tanh(gate) * attn(norm_q(x), kv, kv, key_padding_mask=y_ignore).out
  }
}

export model Vqa(vocab: int = 7, answers: int = 3, d: int = 4, heads: int = 2, depth: int = 1, patch: int = 2) {
  let words  = Embedding(vocab, d)
  let pixels = Linear(3 * patch ^ 2, d)
  let text   = TransformerEncoder(d, heads, depth, dropout=0.0)
  let image  = TransformerEncoder(d, heads, depth, dropout=0.0)
  let fuse   = CrossFuse(d, heads)   // used twice: shared weights
  let head   = Linear(2 * d, answers)

  export fn forward(img: [b, 3, h, w], ids: i32[b, t], ignore: bool[b, t]) -> [b, answers]
    requires h % patch == 0, w % patch == 0 {
    let v: [b, n, d] = rearrange[b c (i p) (j q) -> b (i j) (c p q)](img, p=patch, q=patch) |> pixels |> image
    let l = text(words(ids), src_key_padding_mask=ignore)
    let pooled = concat([mean(fuse(v, l, ignore), axis=1), mean(fuse(l, v), axis=1)], axis=-1)
    head(pooled)
  }
}

export train FitVqa(net: Vqa) {
  batch img: f32[b, 3, 4, 4], ids: i32[b, t], ignore: bool[b, t], answer: i32[b]
  minimize cross_entropy(net(img, ids, ignore), answer) using AdamW(lr=1e-2)
}
