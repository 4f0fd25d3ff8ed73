// A small transformer that learns to read without labels: by filling gaps, or by saying the next word.
import { Embedding, LearnedPositionalEmbedding, TransformerEncoder } from "std/nn"
import { Adam, global_norm } from "std/optim"

layer Reader(words: int, d: int, longest: int) {
  let embed = Embedding(words, d, init=normal(0.1))
  let place = LearnedPositionalEmbedding(longest, d)
  let body  = TransformerEncoder(d, 2, 2, dim_feedforward=2 * d, dropout=0.0, norm_first=true, norm=true)
  fn forward(ids: i32[b, t], ahead: bool[t, t]? = none) -> [b, t, d] requires t <= longest = body(place(embed(ids)), ahead)
  fn logits(h: [b, t, d]) -> [b, t, words] = linear(h, embed.weight)
  fn sentence(h: [b, t, d]) -> [b, d] = mean(h, axis=1)
}

/// Sees the whole sentence (BERT, Devlin et al. 2019).
export model Filler(words: int = 128, d: int = 32, longest: int = 16) {
  let read = Reader(words, d, longest)
  export fn features(ids: i32[b, t]) -> [b, d] requires t <= longest = read.sentence(read(ids))
}

/// Sees what came before (GPT, Radford et al. 2018).
export model Speaker(words: int = 128, d: int = 32, longest: int = 16) {
  let read = Reader(words, d, longest)
  export fn features(ids: i32[b, t]) -> [b, d] requires t <= longest = read.sentence(read(ids, for i < t, j < t => j > i))
}

/// Three words in ten become `unknown`, other ones in each step; only they count.
export train FillGaps(net: Filler, lr: f32[] = 3e-3, unknown: i32[] = 3) {
  batch ids: i32[b, t]
  let gap = bernoulli([b, t], 0.3)
  let logits = net.read.logits(net.read(where(gap, unknown, ids)))
  let off = cross_entropy(logits, ids, reduction="none")
  minimize sum(f32(gap) * off) / max(sum(f32(gap)), 1.0) using Adam(lr=lr) with { clip=global_norm(1.0) }
}

/// Each word from those before it.
export train NextWord(net: Speaker, lr: f32[] = 3e-3) {
  batch ids: i32[b, t]
  let ahead = for i < t, j < t => j > i
  let logits = net.read.logits(net.read(ids, ahead))
  minimize cross_entropy(logits[:, :-1], ids[:, 1:]) using Adam(lr=lr) with { clip=global_norm(1.0) }
}
