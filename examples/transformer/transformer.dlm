// The transformer of "Attention is all you need" (Vaswani et al. 2017), small: norms after the residuals, sinusoidal
// positions, one table for the words of the target and the output, dropout, label smoothing, and the learning rate that
// climbs for `warmup` steps and then falls with the square root of their number.
import { Dropout, Embedding, PositionalEncoding, TransformerDecoder, TransformerEncoder, causal_mask } from "std/nn"
import { beam_search, greedy } from "std/decode"
import { Adam, inverse_sqrt } from "std/optim"

const begin = 1
const end   = 2

/// Ids of words, 0 is padding.
export model Translator(source: int = 64, target: int = 64, d: int = 48, heads: int = 4, depth: int = 2, dropout: real = 0.1) {
  let read    = Embedding(source, d, init=normal(1.0 / sqrt(d)))
  let write   = Embedding(target, d, init=normal(1.0 / sqrt(d)))
  let place   = PositionalEncoding(d, dropout)
  let encoder = TransformerEncoder(d, heads, depth, dropout=dropout)
  let decoder = TransformerDecoder(d, heads, depth, dropout=dropout)

  fn encode(from: i32[b, s]) -> [b, s, d] =
    encoder(place(sqrt(d) * read(from)), src_key_padding_mask=from == 0)

  // Logits of what follows each of the words `to`.
  fn decode(to: i32[b, t], memory: [b, s, d], hidden: bool[b, s]) -> [b, t, target] {
    let x = decoder(place(sqrt(d) * write(to)), memory, tgt_mask=causal_mask(t), memory_key_padding_mask=hidden)
    linear(x, write.weight)
  }

  /// Logits of every word of `to`, given the true words before it.
  fn forward(from: i32[b, s], to: i32[b, t]) -> [b, t, target] =
    decode(concat([full([b, 1], begin), to[:, : t - 1]], axis=1), encode(from), from == 0)

  // What greedy and beam search carry: the words so far, their number, and the source.
  fn start(from: i32[b, s], max_new: int) -> list = [full([b, max_new], 0), full([b], 0), encode(from), from]
  fn step(word: i32[m], s: list) {
    let (words, at) = (s[0], s[1])
    let n     = shape(words)[1]
    let here  = reshape(at, [m, 1]) == iota(n)
    let words = where(here, reshape(word, [m, 1]), words)
    let all   = decode(words, s[2], s[3] == 0)
    (logits=einsum[m n v, m n -> m v](all, f32(here)), state=[words, at + 1, s[2], s[3]])
  }

  export fn translate(from: i32[b, s], max_new: int) -> i32[b, max_new] =
    greedy(step, start(from, max_new), full([b], begin), end, max_new).tokens
  export fn beam(from: i32[b, s], max_new: int) -> i32[b, max_new] {
    let first = for v in start(from, max_new) => gather(v, floor_div(iota(4 * b), 4), axis=0)
    beam_search(step, first, full([b], begin), 4, end, max_new, length_penalty=0.6).tokens[:, 0]
  }
}

export train Fit(net: Translator, lr: f32[] = 5e-3, warmup: i32[] = 150) {
  batch from: i32[b, s], to: i32[b, t]
  minimize cross_entropy(net(from, to), to, ignore_index=0, label_smoothing=0.1)
    using Adam(lr=inverse_sqrt(lr, warmup), beta2=0.98, eps=1e-9)
}
