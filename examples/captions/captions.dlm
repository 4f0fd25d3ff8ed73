// Captions from pictures (Xu et al. 2015, "Show, attend and tell"): 14 × 14 places of a feature map are read like 196
// words, by an LSTM that looks at some of them before it writes each word.
import { AdditiveAttention, Conv2d, Embedding, LSTMCell, Linear } from "std/nn"
import { greedy } from "std/decode"
import { Adam, cosine, global_norm } from "std/optim"

const begin = 1
const end   = 2

/// Pictures [b, 3, 28, 28] as 196 vectors, each of which knows where it is.
layer Eyes(d: int) {
  let conv1 = Conv2d(3, 24, 5, stride=2, padding=2)
  let conv2 = Conv2d(24, d, 3, padding=1)
  let conv3 = Conv2d(d, d, 3, padding=1)
  param place: [196, d] = normal(0.1)
  fn forward(image: [b, 3, 28, 28]) -> [b, 196, d] =
    rearrange[b d h w -> b (h w) d](image |> conv1 |> relu |> conv2 |> relu |> conv3 |> relu) + place
}

/// `words`: the size of the vocabulary.
export model Captioner(words: int = 16, d: int = 32, hidden: int = 64) {
  let eyes      = Eyes(d)
  let first     = Linear(d, 2 * hidden)
  let embed     = Embedding(words, d)
  let attention = AdditiveAttention(hidden, d, d)
  let cell      = LSTMCell(2 * d, hidden)
  let out       = Linear(hidden + d, words)

  // Both states of the LSTM before the first word.
  fn start(memory: [b, 196, d]) = split(tanh(first(mean(memory, axis=1))), 2, axis=-1)

  // One word further: logits of the next one, new states, and where the decoder looked.
  fn next(word: i32[b], h: [b, hidden], c: [b, hidden], memory: [b, 196, d]) {
    let a = attention(h, memory)
    let s = cell(concat([embed(word), a.context], axis=-1), h, c)
    (logits=out(concat([s.h, a.context], axis=-1)), h=s.h, c=s.c, weights=a.weights)
  }

  /// Logits of every word of a caption, given the true words before it, and where each word looked.
  fn forward(image: [b, 3, 28, 28], caption: i32[b, t]) -> (logits: [b, t, words], weights: [b, t, 196]) {
    let memory = eyes(image)
    let (h, c) = start(memory)
    let before = concat([full([b, 1], begin), caption[:, : t - 1]], axis=1)
    let ((logits, weights), _) = scan (h, c) = (h, c) over word in before along 1 => {
      let r = next(word, h, c, memory)
      ((r.h, r.c), (r.logits, r.weights))
    }
    (logits=logits, weights=weights)
  }
  export fn attention_of(image: [b, 3, 28, 28], caption: i32[b, t]) -> [b, t, 196] = forward(image, caption).weights

  fn step(word: i32[b], s: list) {
    let r = next(word, s[0], s[1], s[2])
    (logits=r.logits, state=[r.h, r.c, s[2]])
  }
  export fn describe(image: [b, 3, 28, 28], max_new: int) -> i32[b, max_new] {
    let memory = eyes(image)
    let (h, c) = start(memory)
    greedy(step, [h, c, memory], full([b], begin), end, max_new).tokens
  }
}

export train Fit(net: Captioner, lr: f32[] = 4e-3, steps: i32[] = 1250) {
  batch image: f32[b, 3, 28, 28], caption: i32[b, t]
  minimize cross_entropy(net(image, caption).logits, caption, ignore_index=0) using Adam(lr=cosine(lr, steps, warmup=50)) with { clip=global_norm(1.0) }
}
