// Text classifiers: Embedding -> LSTM, one way or both -> Linear -> softmax.
import { Dropout, Embedding, LSTM, Linear } from "std/nn"
import { Adam, global_norm } from "std/optim"

layer Reader(words: int, d: int, hidden: int, classes: int, both: bool) {
  let embed = Embedding(words, d)
  let rnn   = LSTM(d, hidden, bidirectional=both)
  let drop  = Dropout(0.2)
  let out   = Linear(rnn.width, classes)

  // The last states, of both ways beside each other. 0 is padding: a state stays as it is there.
  fn forward(ids: i32[b, t]) -> [b, classes] {
    let h = rnn(drop(embed(ids)), keep=ids != 0).h
    out(drop(rearrange[ways b n -> b (ways n)](h)))
  }
}

/// Reads from left to right.
export model Lstm(words: int = 64, d: int = 16, hidden: int = 24, classes: int = 2) {
  let reader = Reader(words, d, hidden, classes, false)
  export fn predict(ids: i32[b, t]) -> [b, classes] = softmax(reader(ids))
}

/// Reads both ways.
export model BiLstm(words: int = 64, d: int = 16, hidden: int = 24, classes: int = 2) {
  let reader = Reader(words, d, hidden, classes, true)
  export fn predict(ids: i32[b, t]) -> [b, classes] = softmax(reader(ids))
}

export train FitLstm(net: Lstm, lr: f32[] = 5e-3) {
  batch ids: i32[b, t], y: i32[b]
  minimize cross_entropy(net.reader(ids), y) using Adam(lr=lr) with { clip=global_norm(1.0) }
}

export train FitBiLstm(net: BiLstm, lr: f32[] = 5e-3) {
  batch ids: i32[b, t], y: i32[b]
  minimize cross_entropy(net.reader(ids), y) using Adam(lr=lr) with { clip=global_norm(1.0) }
}
