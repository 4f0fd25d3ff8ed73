// word2vec (Mikolov et al. 2013): vectors of words from their neighbours, with negative sampling.
import { Embedding } from "std/nn"
import { Adam } from "std/optim"

/// Two tables: words as they are looked from, and as they are looked at. Id 0 is padding.
export model Words(words: int = 128, d: int = 16) {
  let from = Embedding(words, d, padding_idx=0, init=normal(0.1))
  let at   = Embedding(words, d, padding_idx=0, init=zeros())
  export fn vectors(ids: i32[n]) -> [n, d] = from(ids)

  // A neighbour scores high, each word of the noise low.
  fn surprise(v: [b, d], good: i32[b], bad: i32[b, k]) -> [b] {
    let right = einsum[b d, b d -> b](v, at(good))
    let wrong = einsum[b d, b k d -> b k](v, at(bad))
    softplus(-right) + sum(softplus(wrong), axis=1)
  }
}

/// A word tells its neighbours.
export train SkipGram(net: Words, lr: f32[] = 1e-2) {
  batch centre: i32[b], neighbour: i32[b], noise: i32[b, k]
  minimize mean(net.surprise(net.from(centre), neighbour, noise)) using Adam(lr=lr)
}

/// The mean of its neighbours tells a word.
export train Cbow(net: Words, lr: f32[] = 1e-2) {
  batch centre: i32[b], around: i32[b, w], noise: i32[b, k]
  let there = f32(around != 0)
  let mean_vector = einsum[b w, b w d -> b d](there, net.from(around)) / sum(there, axis=1, keepdim=true)
  minimize mean(net.surprise(mean_vector, centre, noise)) using Adam(lr=lr)
}
