export layer LSTMCell(input_size: int, hidden_size: int) {
  param weight_ih: [4 * hidden_size, input_size]  = recurrent_uniform(hidden_size)
  param weight_hh: [4 * hidden_size, hidden_size] = recurrent_uniform(hidden_size)
  param bias_ih: [4 * hidden_size] = zeros()
  param bias_hh: [4 * hidden_size] = zeros()

  fn forward(x: [b, input_size], h: [b, hidden_size], c: [b, hidden_size])
    -> (h: [b, hidden_size], c: [b, hidden_size]) {
    let z = linear(x, weight_ih, bias_ih) + linear(h, weight_hh, bias_hh)
    let (i, f, g, o) = split(z, 4, axis=-1)
    let c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    (h=sigmoid(o) * tanh(c), c=c)
  }
}

export layer LSTM(input_size: int, hidden_size: int, recurrent_dropout: real = 0.0, reverse: bool = false) {
  let cell = LSTMCell(input_size, hidden_size)

  fn forward(x: [b, t, input_size], h0: [b, hidden_size]? = none, c0: [b, hidden_size]? = none)
    -> (out: [b, t, hidden_size], h: [b, hidden_size], c: [b, hidden_size]) {
    let zero = zeros([b, hidden_size])
    let keep = dropout_mask([b, hidden_size], recurrent_dropout)   // one mask for all steps
    let seq  = if reverse { flip(x, axis=1) } else { x }
    let (out, (h, c)) = scan (h, c) = (h0 ?? zero, c0 ?? zero) over xt in seq along 1 => {
      let (h, c) = cell(xt, h * keep, c)
      ((h, c), h)
    }
    (out=if reverse { flip(out, axis=1) } else { out }, h=h, c=c)
  }
}

/// Any recurrent layer, run both ways.
export layer Bidirectional(rnn: layer, input_size: int, hidden_size: int, merge: "concat" | "sum" = "concat") {
  let fwd   = rnn(input_size, hidden_size)
  let bwd   = rnn(input_size, hidden_size, reverse=true)
  let width = if merge == "concat" { 2 * hidden_size } else { hidden_size }

  fn forward(x: [b, t, input_size]) -> [b, t, width] =
    if merge == "concat" { concat([fwd(x).out, bwd(x).out], axis=-1) }
    else { fwd(x).out + bwd(x).out }
}
