// exec: b=2 h=4 w=4 t=3 ids<7 answer<3 Vqa.vocab=7 Vqa.answers=3 Vqa.d=4 Vqa.heads=2 Vqa.depth=1 Vqa.patch=2
// Multimodal fusion by gated cross-attention, sharing one block for both directions
import { Linear, LayerNorm, Embedding, MultiheadAttention, TransformerEncoder } from "std/nn"
import { SGD } from "std/optim"

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

export model Vqa(vocab: int = 30522, answers: int = 3129, d: int = 512, heads: int = 8, depth: int = 4, patch: int = 16) {
  let words  = Embedding(vocab, d)
  let pixels = Linear(3 * patch ^ 2, d)
  let text   = TransformerEncoder(d, heads, depth)
  let image  = TransformerEncoder(d, heads, depth)
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
  batch img: f32[b, 3, h, w], ids: i32[b, t], ignore: bool[b, t], answer: i32[b]
  minimize cross_entropy(net(img, ids, ignore), answer) using SGD(lr=0.1)
}
