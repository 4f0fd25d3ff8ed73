// exec: b=2 t=4 y<3
// An LSTM, a wrapper that runs any recurrent layer both ways, and Adam, all written out.
import { Linear } from "std/nn"
import { recurrent_uniform } from "std/init"
import { rate } from "std/optim"

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

export optimizer Adam(lr: fn(i32[]) -> f32[] | f32[] = 1e-3, beta1: real = 0.9, beta2: real = 0.999, eps: real = 1e-8) {
  state m: f32[...] = zeros()
  state v: f32[...] = zeros()
  fn update_param(p: f32[...], g: f32[...], t: i32[]) -> f32[...] {
    update m = beta1 * m + (1 - beta1) * g
    update v = beta2 * v + (1 - beta2) * g ^ 2
    let mhat = m / (1 - beta1 ^ f32(t))
    let vhat = v / (1 - beta2 ^ f32(t))
    p - rate(lr, t) * mhat / (sqrt(vhat) + eps)
  }
}

test "bidirectional concat doubles the features" forall b in 1..8 {
  let y = Bidirectional(LSTM, 8, 16)(zeros([b, 5, 8]))
  assert shape(y) == [b, 5, 32]
}

export model Tagger(inputs: int = 3, hidden: int = 4, tags: int = 3) {
  let rnn = Bidirectional(LSTM, inputs, hidden)
  let out = Linear(2 * hidden, tags)
  export fn forward(x: [b, t, inputs]) -> [b, t, tags] = x |> rnn |> out
}

export train FitTagger(net: Tagger, lr: f32[] = 1e-2) {
  batch x: f32[b, t, net.inputs], y: i32[b, t]
  minimize cross_entropy(net(x), y) using Adam(lr=lr)
}
