// A small T5: one model for several tasks, each of them a text that becomes a text.
import { T5 } from "std/models"
import { greedy } from "std/decode"
import { AdamW, cosine, global_norm } from "std/optim"

const words = 20

/// Ids of words, 0 is padding and the start.
export model Texts(d: int = 48) {
  let t5 = T5(words, d, 4, 12, 2 * d, 2, dropout=0.0)

  // What the search carries: the words so far, their number, what was read, and where that is padding.
  fn step(word: i32[m], s: list) {
    let (written, at) = (s[0], s[1])
    let n       = shape(written)[1]
    let here    = reshape(at, [m, 1]) == iota(n)
    let written = where(here, reshape(word, [m, 1]), written)
    let all     = t5.decode(written, s[2], ignore=s[3] == 0)
    (logits=einsum[m n v, m n -> m v](all, f32(here)), state=[written, at + 1, s[2], s[3]])
  }
  export fn write(ids: i32[b, s], max_new: int) -> i32[b, max_new] {
    let start = [full([b, max_new], 0), full([b], 0), t5.encode(ids, ignore=ids == 0), ids]
    greedy(step, start, full([b], 0), 2, max_new).tokens
  }
}

export train Fit(net: Texts, lr: f32[] = 4e-3, steps: i32[] = 900) {
  batch ids: i32[b, s], target: i32[b, t]
  minimize cross_entropy(net.t5(ids, target, ignore=ids == 0), target, ignore_index=0)
    using AdamW(lr=cosine(lr, steps, warmup=50), weight_decay=0.01) with { clip=global_norm(1.0) }
}
