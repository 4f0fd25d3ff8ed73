// Visual question answering: a question looks for the tile that it is about.
import { Embedding, LayerNorm, LearnedPositionalEmbedding, Linear } from "std/nn"
import { Adam, cosine, global_norm } from "std/optim"

const longest = 6

// What is asked about what is seen. A sense that is left out is zero everywhere.
layer Answerer(d: int, words: int, answers: int, sees: bool, hears: bool) {
  let pixels = Linear(108, 2 * d)
  let see    = Linear(2 * d, d)
  let norm1  = LayerNorm(d)
  let place  = LearnedPositionalEmbedding(4, d)
  let embed  = Embedding(words, d, padding_idx=0, init=normal(0.5))
  let read   = Linear(d, d)
  let norm2  = LayerNorm(d)
  let match1 = Linear(2 * d, 2 * d)
  let match2 = Linear(2 * d, 2 * d)
  let score  = Linear(2 * d, 1)
  let fc     = Linear(3 * d, 2 * d)
  let out    = Linear(2 * d, answers)

  fn tiles(picture: [b, 3, 12, 12]) -> [b, 4, d] {
    let cut = rearrange[b c (i p) (j q) -> b (i j) (c p q)](if sees { picture } else { 0.0 * picture }, p=6, q=6)
    place(norm1(see(relu(pixels(2.0 * (cut - 0.9))))))
  }
  fn asked(ids: i32[b, longest]) -> [b, d] {
    let words = embed(ids)
    norm2(read(mean(if hears { words } else { 0.0 * words }, axis=1)))
  }
  // Each tile together with the question, and how much it is meant.
  fn matched(picture: [b, 3, 12, 12], ids: i32[b, longest]) -> (h: [b, 4, 2 * d], weight: [b, 4]) {
    let beside = rearrange[b d -> b n d](asked(ids), n=4)
    let h = concat([tiles(picture), beside], axis=2) |> match1 |> relu |> match2 |> relu
    (h=h, weight=softmax(rearrange[b n 1 -> b n](score(h))))
  }
  fn forward(picture: [b, 3, 12, 12], ids: i32[b, longest]) -> [b, answers] {
    let m = matched(picture, ids)
    let seen = einsum[b n, b n e -> b e](m.weight, m.h)
    concat([seen, asked(ids)], axis=1) |> fc |> relu |> out
  }
}

/// Beside the network, two that lack a sense; they share nothing with it.
export model Vqa(d: int = 32, words: int = 40, answers: int = 12) {
  let both  = Answerer(d, words, answers, true, true)
  let deaf  = Answerer(d, words, answers, true, false)
  let blind = Answerer(d, words, answers, false, true)
  fn logits(picture: [b, 3, 12, 12], ids: i32[b, longest]) -> list =
    [both(picture, ids), deaf(picture, ids), blind(picture, ids)]
  export fn answer(picture: [b, 3, 12, 12], ids: i32[b, longest]) -> i32[3, b] =
    stack(for each in logits(picture, ids) => argmax(each, axis=-1))
  export fn looks(picture: [b, 3, 12, 12], ids: i32[b, longest]) -> [b, 4] = both.matched(picture, ids).weight
}

export train Fit(net: Vqa, lr: f32[] = 3e-3, total: i32[] = 2000) {
  batch picture: f32[b, 3, 12, 12], ids: i32[b, longest], y: i32[b]
  let off = for each in net.logits(picture, ids) => cross_entropy(each, y)
  minimize (fold s = 0.0 over e in off => s + e)
    using Adam(lr=cosine(lr, total, warmup=50)) with { clip=global_norm(1.0) }
  metric surprise = off[0]
}
