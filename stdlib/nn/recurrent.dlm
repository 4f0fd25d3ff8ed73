// Recurrent layers: cells, layers over time (stacked, both ways, variable lengths), names and layouts of torch.nn.
// Layers take [b, t, input_size] (`batch_first`, here true by default) and give `out` [b, t, directions * hidden_size]
// and the last states [num_layers * directions, b, hidden_size]: forward then backward, layer by layer.
import { recurrent_uniform } from "std/init"

/// One step of an Elman network: h' = g(W_ih x + b_ih + W_hh h + b_hh), g tanh or relu.
export layer RNNCell(input_size: int, hidden_size: int, bias: bool = true, nonlinearity: "tanh" | "relu" = "tanh") {
  param weight_ih: [hidden_size, input_size]  = recurrent_uniform(hidden_size)
  param weight_hh: [hidden_size, hidden_size] = recurrent_uniform(hidden_size)
  param bias_ih: [hidden_size] = recurrent_uniform(hidden_size) when bias
  param bias_hh: [hidden_size] = recurrent_uniform(hidden_size) when bias

  fn forward(x: [b, input_size], h: [b, hidden_size]) -> [b, hidden_size] {
    let z = linear(x, weight_ih, bias_ih) + linear(h, weight_hh, bias_hh)
    if nonlinearity == "tanh" { tanh(z) } else { relu(z) }
  }
}

/// One step of an LSTM (Hochreiter & Schmidhuber 1997), gates i, f, g, o: c' = f ⊙ c + i ⊙ g, h' = o ⊙ tanh c'.
export layer LSTMCell(input_size: int, hidden_size: int, bias: bool = true) {
  param weight_ih: [4 * hidden_size, input_size]  = recurrent_uniform(hidden_size)
  param weight_hh: [4 * hidden_size, hidden_size] = recurrent_uniform(hidden_size)
  param bias_ih: [4 * hidden_size] = recurrent_uniform(hidden_size) when bias
  param bias_hh: [4 * hidden_size] = recurrent_uniform(hidden_size) when bias

  fn forward(x: [b, input_size], h: [b, hidden_size], c: [b, hidden_size])
    -> (h: [b, hidden_size], c: [b, hidden_size]) {
    let z = linear(x, weight_ih, bias_ih) + linear(h, weight_hh, bias_hh)
    let (i, f, g, o) = split(z, 4, axis=-1)
    let c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    (h=sigmoid(o) * tanh(c), c=c)
  }
}

/// One step of a GRU (Cho et al. 2014), gates r, z, n: h' = (1 - z) ⊙ n + z ⊙ h. The reset gate is applied after the
/// product with W_hn as in PyTorch, or before it (`reset_after=false`), as in the paper.
export layer GRUCell(input_size: int, hidden_size: int, bias: bool = true, reset_after: bool = true) {
  param weight_ih: [3 * hidden_size, input_size]  = recurrent_uniform(hidden_size)
  param weight_hh: [3 * hidden_size, hidden_size] = recurrent_uniform(hidden_size)
  param bias_ih: [3 * hidden_size] = recurrent_uniform(hidden_size) when bias
  param bias_hh: [3 * hidden_size] = recurrent_uniform(hidden_size) when bias

  fn forward(x: [b, input_size], h: [b, hidden_size]) -> [b, hidden_size] {
    let (xr, xz, xn) = split(linear(x, weight_ih, bias_ih), 3, axis=-1)
    let (hr, hz, hn) = split(linear(h, weight_hh, bias_hh), 3, axis=-1)
    let r = sigmoid(xr + hr)
    let z = sigmoid(xz + hz)
    let candidate = if reset_after { r * hn } else { late(r * h) }
    (1 - z) * tanh(xn + candidate) + z * h
  }

  fn late(h: [b, hidden_size]) -> [b, hidden_size] {
    let y = h @ transpose(split(weight_hh, 3, axis=0)[2])
    if bias_hh != none { y + split(bias_hh, 3, axis=0)[2] } else { y }
  }
}

// One cell over axis 1 from the states `start`, [h] or [h, c]. Where `keep` is false a step leaves the states as
// they are and gives zeros; `mask` is the dropout mask of h, one for all steps (Gal & Ghahramani 2016).
fn unroll(cell: layer, x: [b, t, _], start: list, keep: bool[b, t]?, mask: [b, n]?, backward: bool) {
  let along = fn (v: [b, t, ...]) => if backward { flip(v, axis=1) } else { v }
  let next = fn (xt: [b, _], s: list) => {
    let h = if mask != none { s[0] * mask } else { s[0] }
    if len(s) == 1 { [cell(xt, h)] } else {
      let r = cell(xt, h, s[1])
      [r.h, r.c]
    }
  }
  let (out, last) = if keep == none {
    scan s = start over xt in along(x) along 1 => {
      let s = next(xt, s)
      (s, s[0])
    }
  } else {
    scan s = start over xt in along(x) along 1, kt in (if backward { flip(keep, axis=1) } else { keep }) along 1 => {
      let go = rearrange[b -> b 1](kt)
      let new = next(xt, s)
      ((for (a, o) in zip(new, s) => where(go, a, o)), where(go, new[0], 0.0))
    }
  }
  (out=along(out), last=last)
}

// Cells on top of each other. `initial`: a list of states [layers * directions, b, n] (h, or h and c), or none.
fn stacked(cells: list, back: list, x: [b, t, _], initial: list, keep: bool[b, t]?, hidden: int, p: real,
           recurrent_p: real, reverse: bool) {
  let ways = if len(back) > 0 { 2 } else { 1 }
  let mask = if recurrent_p > 0 { dropout_mask([b, hidden], recurrent_p) } else { none }
  let first = fn (i: int) => for s in initial => if s == none { zeros([b, hidden]) } else { s[i] }
  let (out, last) = fold (seq, last) = (x, []) over i in 0..len(cells) => {
    let seq = if i == 0 { seq } else { dropout(seq, p) }
    let f = unroll(cells[i], seq, first(i * ways), keep, mask, reverse)
    if ways == 1 { (f.out, append(last, f.last)) } else {
      let g = unroll(back[i], seq, first(i * ways + 1), keep, mask, true)
      (concat([f.out, g.out], axis=-1), append(append(last, f.last), g.last))
    }
  }
  (out=out, last=(for k in 0..len(initial) => stack((for s in last => s[k]), axis=0)))
}

/// An Elman network over time. `keep`: false where a sequence is over. `recurrent_dropout`: one mask for all steps.
export layer RNN(input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: "tanh" | "relu" = "tanh",
                 bias: bool = true, batch_first: bool = true, dropout: real = 0.0, bidirectional: bool = false,
                 recurrent_dropout: real = 0.0, reverse: bool = false) {
  let width = if bidirectional { 2 * hidden_size } else { hidden_size }
  let inputs = for i in 0..num_layers => if i == 0 { input_size } else { width }
  @name("{path}_l{index}") let cells = for n in inputs => RNNCell(n, hidden_size, bias, nonlinearity)
  @name("{path}_l{index}_reverse") let back = if bidirectional { for n in inputs => RNNCell(n, hidden_size, bias, nonlinearity) } else { [] }

  fn forward(x: [p, q, input_size], h0: [_, _, hidden_size]? = none, keep: bool[_, _]? = none)
    -> (out: [p, q, width], h: [_, _, hidden_size]) {
    let seq = if batch_first { x } else { transpose(x, 0, 1) }
    let r = stacked(cells, back, seq, [h0], keep, hidden_size, dropout, recurrent_dropout, reverse)
    (out=if batch_first { r.out } else { transpose(r.out, 0, 1) }, h=r.last[0])
  }
}

/// An LSTM over time. `keep`: false where a sequence is over. `recurrent_dropout`: one mask for all steps.
export layer LSTM(input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = true, batch_first: bool = true,
                  dropout: real = 0.0, bidirectional: bool = false, recurrent_dropout: real = 0.0, reverse: bool = false) {
  let width = if bidirectional { 2 * hidden_size } else { hidden_size }
  let inputs = for i in 0..num_layers => if i == 0 { input_size } else { width }
  @name("{path}_l{index}") let cells = for n in inputs => LSTMCell(n, hidden_size, bias)
  @name("{path}_l{index}_reverse") let back = if bidirectional { for n in inputs => LSTMCell(n, hidden_size, bias) } else { [] }

  fn forward(x: [p, q, input_size], h0: [_, _, hidden_size]? = none, c0: [_, _, hidden_size]? = none,
             keep: bool[_, _]? = none) -> (out: [p, q, width], h: [_, _, hidden_size], c: [_, _, hidden_size]) {
    let seq = if batch_first { x } else { transpose(x, 0, 1) }
    let r = stacked(cells, back, seq, [h0, c0], keep, hidden_size, dropout, recurrent_dropout, reverse)
    (out=if batch_first { r.out } else { transpose(r.out, 0, 1) }, h=r.last[0], c=r.last[1])
  }
}

/// A GRU over time. `keep`: false where a sequence is over. `recurrent_dropout`: one mask for all steps.
export layer GRU(input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = true, batch_first: bool = true,
                 dropout: real = 0.0, bidirectional: bool = false, recurrent_dropout: real = 0.0, reverse: bool = false,
                 reset_after: bool = true) {
  let width = if bidirectional { 2 * hidden_size } else { hidden_size }
  let inputs = for i in 0..num_layers => if i == 0 { input_size } else { width }
  @name("{path}_l{index}") let cells = for n in inputs => GRUCell(n, hidden_size, bias, reset_after)
  @name("{path}_l{index}_reverse") let back = if bidirectional { for n in inputs => GRUCell(n, hidden_size, bias, reset_after) } else { [] }

  fn forward(x: [p, q, input_size], h0: [_, _, hidden_size]? = none, keep: bool[_, _]? = none)
    -> (out: [p, q, width], h: [_, _, hidden_size]) {
    let seq = if batch_first { x } else { transpose(x, 0, 1) }
    let r = stacked(cells, back, seq, [h0], keep, hidden_size, dropout, recurrent_dropout, reverse)
    (out=if batch_first { r.out } else { transpose(r.out, 0, 1) }, h=r.last[0])
  }
}

/// An LSTM that goes on where the last call of its session ended: truncated back-propagation in a `train`, where what
/// is carried in is a constant; zeros at the start of an epoch. Paths: `rnn`.
export layer StatefulLSTM(input_size: int, hidden_size: int, num_layers: int = 1) {
  let rnn = LSTM(input_size, hidden_size, num_layers)
  cache h: [num_layers, b, hidden_size]
  cache c: [num_layers, b, hidden_size]
  fn forward(x: [b, t, input_size]) -> [b, t, hidden_size] {
    let r = rnn(x, h, c)
    update h = r.h
    update c = r.c
    r.out
  }
}

/// A GRU that goes on where the last call of its session ended. Paths: `rnn`.
export layer StatefulGRU(input_size: int, hidden_size: int, num_layers: int = 1) {
  let rnn = GRU(input_size, hidden_size, num_layers)
  cache h: [num_layers, b, hidden_size]
  fn forward(x: [b, t, input_size]) -> [b, t, hidden_size] {
    let r = rnn(x, h)
    update h = r.h
    r.out
  }
}

/// Any recurrent layer, run both ways; the features are concatenated or added. Paths: `fwd`, `bwd`.
export layer Bidirectional(rnn: layer, input_size: int, hidden_size: int, merge: "concat" | "sum" = "concat") {
  let fwd   = rnn(input_size, hidden_size)
  let bwd   = rnn(input_size, hidden_size, reverse=true)
  let width = if merge == "concat" { 2 * hidden_size } else { hidden_size }

  fn forward(x: [b, t, input_size]) -> [b, t, width] =
    if merge == "concat" { concat([fwd(x).out, bwd(x).out], axis=-1) }
    else { fwd(x).out + bwd(x).out }
}
