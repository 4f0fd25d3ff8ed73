// Tomorrow's temperature from the hours before: five recurrent networks.
import { RNN, LSTM, GRU, Linear } from "std/nn"
import { AdamW, global_norm } from "std/optim"

// What a network over time says at the last hour, or on average over hours where it reads both ways.
layer Reader(
  rnn: layer,
  hidden: int = 24,
  layers: int = 1,
  both: bool = false,
  drop: real = 0.0,
  recurrent: real = 0.0,
) {
  let cells = rnn(
    2,
    hidden,
    num_layers=layers,
    bidirectional=both,
    dropout=drop,
    recurrent_dropout=recurrent,
  )
  let head  = Linear(if both { 2 * hidden } else { hidden }, 1)
  fn forward(x: [b, t, 2]) -> [b] {
    let out = cells(x).out
    rearrange[b 1 -> b](head(if both { mean(out, axis=1) } else { out[:, -1] }))
  }
}

export model Rnn() {
  let net = Reader(RNN)
  export fn forward(x: [b, t, 2]) -> [b] = net(x)
}

export model Lstm() {
  let net = Reader(LSTM)
  export fn forward(x: [b, t, 2]) -> [b] = net(x)
}

export model Gru() {
  let net = Reader(GRU)
  export fn forward(x: [b, t, 2]) -> [b] = net(x)
}

/// Two layers, dropout between them, and recurrent dropout: one mask for all hours.
export model Stacked() {
  let net = Reader(GRU, layers=2, drop=0.1, recurrent=0.1)
  export fn forward(x: [b, t, 2]) -> [b] = net(x)
}

/// Reads the hours both ways.
export model BothWays() {
  let net = Reader(LSTM, both=true)
  export fn forward(x: [b, t, 2]) -> [b] = net(x)
}

export train FitRnn(net: Rnn, lr: f32[] = 5e-3) {
  batch x: f32[b, t, 2], y: f32[b]
  minimize l1_loss(net(x), y) using AdamW(lr=lr) with { clip=global_norm(1.0) }
}

export train FitLstm(net: Lstm, lr: f32[] = 5e-3) {
  batch x: f32[b, t, 2], y: f32[b]
  minimize l1_loss(net(x), y) using AdamW(lr=lr) with { clip=global_norm(1.0) }
}

export train FitGru(net: Gru, lr: f32[] = 5e-3) {
  batch x: f32[b, t, 2], y: f32[b]
  minimize l1_loss(net(x), y) using AdamW(lr=lr) with { clip=global_norm(1.0) }
}

export train FitStacked(net: Stacked, lr: f32[] = 5e-3) {
  batch x: f32[b, t, 2], y: f32[b]
  minimize l1_loss(net(x), y) using AdamW(lr=lr) with { clip=global_norm(1.0) }
}

export train FitBothWays(net: BothWays, lr: f32[] = 5e-3) {
  batch x: f32[b, t, 2], y: f32[b]
  minimize l1_loss(net(x), y) using AdamW(lr=lr) with { clip=global_norm(1.0) }
}
