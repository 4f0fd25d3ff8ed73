// Answers to questions about pictures, end to end: a convolutional network sees, an LSTM reads the question both ways
// from given word vectors, and an LSTM that looks at places and at words writes the answer.
import { AdditiveAttention, BatchNorm2d, Conv2d, Embedding, LSTM, LSTMCell, Linear, max_pool2d } from "std/nn"
import { greedy, sample, teacher_forcing } from "std/decode"
import { Adam, cosine, global_norm } from "std/optim"

const begin = 1
const end   = 2

type Image = f32[b, 3, 28, 28]

/// Pictures as 7 × 7 vectors, each of which knows where it is. What is asked scales and shifts features on the way, and
/// the convolution after it sees coordinates beside them (FiLM, Perez et al. 2018).
layer Eyes(d: int) {
  let conv1 = Conv2d(3, 24, 5, stride=2, padding=2, bias=false)
  let norm1 = BatchNorm2d(24)
  let conv2 = Conv2d(24, d, 3, padding=1, bias=false)
  let norm2 = BatchNorm2d(d)
  let conv3 = Conv2d(d, d, 3, padding=1, bias=false)
  let norm3 = BatchNorm2d(d)
  let film  = Linear(2 * d, 2 * d)
  let conv4 = Conv2d(d + 2, d, 3, padding=1)
  param place: [49, d] = normal(0.1)
  fn forward(image: Image, asked: [b, 2 * d]) -> [b, 49, d] {
    let x = max_pool2d(image |> conv1 |> norm1 |> relu |> conv2 |> norm2 |> relu |> conv3 |> norm3 |> relu, 2)
    let (scale, shift) = split(rearrange[b n -> b n 1 1](film(asked)), 2, axis=1)
    let line = f32(iota(7)) / 3.0 - 1.0
    let still = full([b, 1, 7, 7], 0.0)
    let seen = concat([relu((1.0 + scale) * x + shift), still + reshape(line, [7, 1]), still + line], axis=1)
    rearrange[b d h w -> b (h w) d](relu(x + conv4(seen))) + place
  }
}

/// `words`: the size of the vocabulary of questions and answers. `embed.weight` is given by the host, then trained.
export model Answerer(words: int = 32, d: int = 32, hidden: int = 64) {
  let eyes   = Eyes(d)
  let embed  = Embedding(words, d, padding_idx=0)
  let reader = LSTM(d, d, bidirectional=true)
  let join   = Linear(2 * d, d)
  let first  = Linear(3 * d, 2 * hidden)
  let look   = AdditiveAttention(hidden, d, d)
  let recall = AdditiveAttention(hidden, d, d)
  let cell   = LSTMCell(3 * d, hidden)
  let out    = Linear(hidden + 2 * d, words)

  // What the generator looks at: places, words of the question, which of these are real; and its first states.
  fn start(image: Image, question: i32[b, s]) -> list {
    let read   = reader(embed(question), keep=question != 0)
    let whole  = rearrange[ways b d -> b (ways d)](read.h)
    let places = eyes(image, whole)
    let both   = concat([whole, mean(places, axis=1)], axis=-1)
    let (h, c) = split(tanh(first(both)), 2, axis=-1)
    [h, c, places, join(read.out), f32(question != 0)]
  }
  // One word further.
  fn next(word: i32[b], s: list) {
    let (h, c, places, asked, real) = (s[0], s[1], s[2], s[3], s[4])
    let seen = look(h, places)
    let told = recall(h, asked, keep=real > 0.5)
    let r    = cell(concat([embed(word), seen.context, told.context], axis=-1), h, c)
    (logits=out(concat([r.h, seen.context, told.context], axis=-1)), h=r.h, c=r.c, places=seen.weights)
  }
  fn step(word: i32[b], s: list) {
    let r = next(word, s)
    (logits=r.logits, state=[r.h, r.c, s[2], s[3], s[4]])
  }

  /// Logits of every word of an answer. While training, the word before each is the true one with probability `ratio`,
  /// else what the model itself would have written; otherwise always the latter.
  fn forward(image: Image, question: i32[b, s], answer: i32[b, t], ratio: f32[]) -> [b, t, words] {
    let s = start(image, question)
    let (logits, _) = scan (h, c, word) = (s[0], s[1], full([b], begin)) over gold in answer along 1 => {
      let r = next(word, [h, c, s[2], s[3], s[4]])
      ((r.h, r.c, teacher_forcing(gold, argmax(r.logits, axis=-1), ratio)), r.logits)
    }
    logits
  }

  export fn answer(image: Image, question: i32[b, s], max_new: int) -> i32[b, max_new] =
    greedy(step, start(image, question), full([b], begin), end, max_new).tokens
  /// Answers drawn word by word.
  export fn draw(image: Image, question: i32[b, s], max_new: int, temperature: f32[]) -> i32[b, max_new] {
    let s = start(image, question)
    let (tokens, _) = scan (h, c, word, over) = (s[0], s[1], full([b], begin), full([b], false)) over i < max_new => {
      let r    = next(word, [h, c, s[2], s[3], s[4]])
      let word = where(over, end, sample(r.logits, temperature))
      ((r.h, r.c, word, over || word == end), word)
    }
    transpose(tokens)
  }
  /// Where the model looks before it writes each word of an answer.
  export fn attention(image: Image, question: i32[b, s], answer: i32[b, t]) -> [b, t, 49] {
    let s = start(image, question)
    let before = concat([full([b, 1], begin), answer[:, : t - 1]], axis=1)
    let (weights, _) = scan (h, c) = (s[0], s[1]) over word in before along 1 => {
      let r = next(word, [h, c, s[2], s[3], s[4]])
      ((r.h, r.c), r.places)
    }
    weights
  }
}

export train Fit(net: Answerer, lr: f32[] = 4e-3, steps: i32[] = 4000, ratio: f32[] = 1.0) {
  batch image: f32[b, 3, 28, 28], question: i32[b, s], answer: i32[b, t]
  minimize cross_entropy(net(image, question, answer, ratio), answer, ignore_index=0)
    using Adam(lr=cosine(lr, steps, warmup=50)) with { clip=global_norm(1.0) }
}
