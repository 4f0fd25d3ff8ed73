/// Recurrent layers: cells, layers over axis 1, and both ways.
import { recurrent_uniform } from "std/init"

/// One step of an LSTM (Hochreiter & Schmidhuber 1997), gates i, f, g, o as in torch.nn.LSTMCell.
export layer LSTMCell(input_size: int, hidden_size: int) {
  param weight_ih: [4 * hidden_size, input_size]  = recurrent_uniform(hidden_size)
  param weight_hh: [4 * hidden_size, hidden_size] = recurrent_uniform(hidden_size)
  param bias_ih: [4 * hidden_size] = recurrent_uniform(hidden_size)
  param bias_hh: [4 * hidden_size] = recurrent_uniform(hidden_size)

  fn forward(x: [b, input_size], h: [b, hidden_size], c: [b, hidden_size])
    -> (h: [b, hidden_size], c: [b, hidden_size]) {
    let z = linear(x, weight_ih, bias_ih) + linear(h, weight_hh, bias_hh)
    let (i, f, g, o) = split(z, 4, axis=-1)
    let c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    (h=sigmoid(o) * tanh(c), c=c)
  }
}

/// An LSTM over axis 1: [b, t, input_size] -> out [b, t, hidden_size] and the last h and c. One dropout mask
/// on the recurrent state serves all steps (Gal & Ghahramani 2016).
export layer LSTM(input_size: int, hidden_size: int, recurrent_dropout: real = 0.0, reverse: bool = false) {
  let cell = LSTMCell(input_size, hidden_size)

  fn forward(x: [b, t, input_size], h0: [b, hidden_size]? = none, c0: [b, hidden_size]? = none)
    -> (out: [b, t, hidden_size], h: [b, hidden_size], c: [b, hidden_size]) {
    let zero = zeros([b, hidden_size])
    let keep = dropout_mask([b, hidden_size], recurrent_dropout)
    let seq  = if reverse { flip(x, axis=1) } else { x }
    let (out, (h, c)) = scan (h, c) = (h0 ?? zero, c0 ?? zero) over xt in seq along 1 => {
      let (h, c) = cell(xt, h * keep, c)
      ((h, c), h)
    }
    (out=if reverse { flip(out, axis=1) } else { out }, h=h, c=c)
  }
}

/// One step of a GRU (Cho et al. 2014), gates r, z, n with the reset after the product, as in torch.nn.GRUCell.
export layer GRUCell(input_size: int, hidden_size: int) {
  param weight_ih: [3 * hidden_size, input_size]  = recurrent_uniform(hidden_size)
  param weight_hh: [3 * hidden_size, hidden_size] = recurrent_uniform(hidden_size)
  param bias_ih: [3 * hidden_size] = recurrent_uniform(hidden_size)
  param bias_hh: [3 * hidden_size] = recurrent_uniform(hidden_size)

  fn forward(x: [b, input_size], h: [b, hidden_size]) -> [b, hidden_size] {
    let (xr, xz, xn) = split(linear(x, weight_ih, bias_ih), 3, axis=-1)
    let (hr, hz, hn) = split(linear(h, weight_hh, bias_hh), 3, axis=-1)
    let z = sigmoid(xz + hz)
    (1 - z) * tanh(xn + sigmoid(xr + hr) * hn) + z * h
  }
}

/// A GRU over axis 1: [b, t, input_size] -> out [b, t, hidden_size] and the last h.
export layer GRU(input_size: int, hidden_size: int, reverse: bool = false) {
  let cell = GRUCell(input_size, hidden_size)

  fn forward(x: [b, t, input_size], h0: [b, hidden_size]? = none) -> (out: [b, t, hidden_size], h: [b, hidden_size]) {
    let seq = if reverse { flip(x, axis=1) } else { x }
    let (out, h) = scan h = h0 ?? zeros([b, hidden_size]) over xt in seq along 1 => {
      let h = cell(xt, h)
      (h, h)
    }
    (out=if reverse { flip(out, axis=1) } else { out }, h=h)
  }
}

/// Any recurrent layer, run both ways; the features are concatenated or added.
export layer Bidirectional(rnn: layer, input_size: int, hidden_size: int, merge: "concat" | "sum" = "concat") {
  let fwd   = rnn(input_size, hidden_size)
  let bwd   = rnn(input_size, hidden_size, reverse=true)
  let width = if merge == "concat" { 2 * hidden_size } else { hidden_size }

  fn forward(x: [b, t, input_size]) -> [b, t, width] =
    if merge == "concat" { concat([fwd(x).out, bwd(x).out], axis=-1) }
    else { fwd(x).out + bwd(x).out }
}
