// Encoder and decoder of recurrent cells (Sutskever et al. 2014), without attention and with four kinds of it, and with
// an encoder of convolutions.
import { AdditiveAttention, Conv1d, Embedding, GRU, GRUCell, LearnedPositionalEmbedding, Linear, LocalAttention, LuongAttention } from "std/nn"
import { beam_search, greedy } from "std/decode"
import { Adam, global_norm } from "std/optim"

type Attention = "none" | "additive" | "dot" | "local" | "hybrid"

const source = 64
const target = 64
const begin  = 1
const end    = 2

// Reads words both ways; the decoder starts from the last states.
layer Encoder(d: int) {
  let embed = Embedding(source, d, padding_idx=0)
  let rnn   = GRU(d, d, bidirectional=true)
  let join  = Linear(2 * d, d)
  let first = Linear(2 * d, d)
  fn forward(ids: i32[b, s]) -> (memory: [b, s, d], h: [b, d]) {
    let r = rnn(embed(ids), keep=ids != 0)
    (memory=join(r.out), h=tanh(first(rearrange[ways b n -> b (ways n)](r.h))))
  }
}

// Reads words with their neighbours at once; the decoder starts from the mean.
layer Convolutions(d: int) {
  let embed = Embedding(source, d, padding_idx=0)
  let place = LearnedPositionalEmbedding(32, d)
  let convs = for i in 0..3 => Conv1d(d, d, 3, padding=1)
  let first = Linear(d, d)
  fn forward(ids: i32[b, s]) -> (memory: [b, s, d], h: [b, d]) {
    let real   = rearrange[b s -> b 1 s](f32(ids != 0))
    let x      = rearrange[b s n -> b n s](place(embed(ids)))
    let memory = fold x = x over conv in convs => x + relu(conv(x * real))
    (memory=rearrange[b n s -> b s n](memory), h=tanh(first(sum(memory * real, axis=2) / sum(real, axis=2))))
  }
}

/// Translates word by word: `how` says where the decoder looks in the source.
layer Seq2Seq(how: Attention, d: int, convolve: bool = false) {
  let encoder   = if convolve { Convolutions(d) } else { Encoder(d) }
  let embed     = Embedding(target, d)
  let attention = if how == "additive" { AdditiveAttention(d, d, d) }
    else if how == "dot" { LuongAttention(d, d) }
    else if how == "local" || how == "hybrid" { LocalAttention(d, d, window=2, mix=how == "hybrid") }
    else { none }
  let cell = GRUCell(if how == "none" { d } else { 2 * d }, d)
  let out  = Linear(if how == "none" { d } else { 2 * d }, target)

  // One word further: logits of the next one, the new state, and where the decoder looked.
  fn next(word: i32[b], h: [b, d], memory: [b, s, d], keep: bool[b, s]) {
    if attention == none {
      let h = cell(embed(word), h)
      (logits=out(h), h=h, weights=zeros([b, s]))
    } else {
      let a = attention(h, memory, keep)
      let h = cell(concat([embed(word), a.context], axis=-1), h)
      (logits=out(concat([h, a.context], axis=-1)), h=h, weights=a.weights)
    }
  }

  /// Logits of every word of `to`, given the true words before it (teacher forcing).
  fn forward(from: i32[b, s], to: i32[b, t]) -> (logits: [b, t, target], weights: [b, t, s]) {
    let start = encoder(from)
    let words = concat([full([b, 1], begin), to[:, : t - 1]], axis=1)
    let ((logits, weights), _) = scan h = start.h over word in words along 1 => {
      let r = next(word, h, start.memory, from != 0)
      (r.h, (r.logits, r.weights))
    }
    (logits=logits, weights=weights)
  }

  fn likely(from: i32[b, s], max_new: int) -> i32[b, max_new] {
    let start = encoder(from)
    greedy(step, [start.h, start.memory, f32(from != 0)], full([b], begin), end, max_new).tokens
  }
  fn best(from: i32[b, s], max_new: int, beams: int) -> i32[b, max_new] {
    let start = encoder(from)
    let state = for v in [start.h, rearrange[b s n -> b (s n)](start.memory), f32(from != 0)] => rearrange[b n -> (b k) n](v, k=beams)
    let deep  = fn (word: i32[m], s: list) => {
      let r = next(word, s[0], reshape(s[1], shape(s[2]) + [d]), s[2] > 0.5)
      (logits=r.logits, state=[r.h, s[1], s[2]])
    }
    beam_search(deep, state, full([b], begin), beams, end, max_new, length_penalty=0.6).tokens[:, 0]
  }
  fn step(word: i32[b], s: list) {
    let r = next(word, s[0], s[1], s[2] > 0.5)
    (logits=r.logits, state=[r.h, s[1], s[2]])
  }
}

/// All that the decoder knows is the state that it starts from.
export model Plain(d: int = 96) {
  let net = Seq2Seq("none", d)
  export fn translate(from: i32[b, s], max_new: int) -> i32[b, max_new] = net.likely(from, max_new)
}
export train FitPlain(net: Plain, lr: f32[] = 3e-3) {
  batch from: i32[b, s], to: i32[b, t]
  minimize cross_entropy(net.net(from, to).logits, to, ignore_index=0) using Adam(lr=lr) with { clip=global_norm(1.0) }
}

/// Additive attention (Bahdanau et al. 2015).
export model Bahdanau(d: int = 48) {
  let net = Seq2Seq("additive", d)
  export fn translate(from: i32[b, s], max_new: int) -> i32[b, max_new] = net.likely(from, max_new)
  export fn beam(from: i32[b, s], max_new: int) -> i32[b, max_new] = net.best(from, max_new, 4)
  /// Where the decoder looks while it writes `to`.
  export fn attention(from: i32[b, s], to: i32[b, t]) -> [b, t, s] = net(from, to).weights
}
export train FitBahdanau(net: Bahdanau, lr: f32[] = 3e-3) {
  batch from: i32[b, s], to: i32[b, t]
  minimize cross_entropy(net.net(from, to).logits, to, ignore_index=0) using Adam(lr=lr) with { clip=global_norm(1.0) }
}

/// Multiplicative attention (Luong et al. 2015).
export model Luong(d: int = 48) {
  let net = Seq2Seq("dot", d)
  export fn translate(from: i32[b, s], max_new: int) -> i32[b, max_new] = net.likely(from, max_new)
  /// Where the decoder looks while it writes `to`.
  export fn attention(from: i32[b, s], to: i32[b, t]) -> [b, t, s] = net(from, to).weights
}
export train FitLuong(net: Luong, lr: f32[] = 3e-3) {
  batch from: i32[b, s], to: i32[b, t]
  minimize cross_entropy(net.net(from, to).logits, to, ignore_index=0) using Adam(lr=lr) with { clip=global_norm(1.0) }
}

/// Attention in a window around a place that the decoder predicts (Luong et al. 2015).
export model Local(d: int = 48) {
  let net = Seq2Seq("local", d)
  export fn translate(from: i32[b, s], max_new: int) -> i32[b, max_new] = net.likely(from, max_new)
  /// Where the decoder looks while it writes `to`.
  export fn attention(from: i32[b, s], to: i32[b, t]) -> [b, t, s] = net(from, to).weights
}
export train FitLocal(net: Local, lr: f32[] = 3e-3) {
  batch from: i32[b, s], to: i32[b, t]
  minimize cross_entropy(net.net(from, to).logits, to, ignore_index=0) using Adam(lr=lr) with { clip=global_norm(1.0) }
}

/// Local and global attention, mixed by a gate.
export model Hybrid(d: int = 48) {
  let net = Seq2Seq("hybrid", d)
  export fn translate(from: i32[b, s], max_new: int) -> i32[b, max_new] = net.likely(from, max_new)
  /// Where the decoder looks while it writes `to`.
  export fn attention(from: i32[b, s], to: i32[b, t]) -> [b, t, s] = net(from, to).weights
}
export train FitHybrid(net: Hybrid, lr: f32[] = 3e-3) {
  batch from: i32[b, s], to: i32[b, t]
  minimize cross_entropy(net.net(from, to).logits, to, ignore_index=0) using Adam(lr=lr) with { clip=global_norm(1.0) }
}

/// Additive attention over an encoder of convolutions (Gehring et al. 2017).
export model Convolutional(d: int = 48) {
  let net = Seq2Seq("additive", d, convolve=true)
  export fn translate(from: i32[b, s], max_new: int) -> i32[b, max_new] = net.likely(from, max_new)
  /// Where the decoder looks while it writes `to`.
  export fn attention(from: i32[b, s], to: i32[b, t]) -> [b, t, s] = net(from, to).weights
}
export train FitConvolutional(net: Convolutional, lr: f32[] = 3e-3) {
  batch from: i32[b, s], to: i32[b, t]
  minimize cross_entropy(net.net(from, to).logits, to, ignore_index=0) using Adam(lr=lr) with { clip=global_norm(1.0) }
}
