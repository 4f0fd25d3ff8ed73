import { Embedding, LayerNorm, Linear } from "std/nn"
import { Adam } from "std/optim"
import { Block } from "./block.dlm"

/// A small GPT: logits of the next of `vocab` tokens at every position.
export model Gpt(vocab: int = 1000, d: int = 256, heads: int = 8, depth: int = 4, t: int = 128) {
  let wte  = Embedding(vocab, d)
  let wpe  = Embedding(t, d)
  let h    = for i in 0..depth => Block(d, heads)
  let ln_f = LayerNorm(d)
  let head = Linear(d, vocab)
  export fn forward(ids: i32[b, t]) -> [b, t, vocab] =
    head(ln_f(fold x = wte(ids) + wpe.weight over block in h => block(x)))
  export fn hold(ids: i32[b, t]) -> i32[b, t] = ids
}

export train Fit(net: Gpt, lr: f32[] = 1e-3) {
  batch x: i32[b, net.t], y: i32[b, net.t]
  minimize cross_entropy(net(x), y) using Adam(lr=lr)
}
