// exec: b=2 t=4
import { Linear, Dropout } from "std/nn"
import { Adam } from "std/optim"

export layer Cell(input_size: int, hidden_size: int) {
  let ih = Linear(input_size, hidden_size)
  let hh = Linear(hidden_size, hidden_size)
  fn forward(x: [b, input_size], h: [b, hidden_size]) -> [b, hidden_size] = tanh(ih(x) + hh(h))
}

export model Rnn(input_size: int = 3, hidden_size: int = 5) {
  let cell = Cell(input_size, hidden_size)
  let drop = Dropout(0.3)
  export fn forward(x: [b, t, input_size]) -> (out: [b, t, hidden_size], h: [b, hidden_size]) {
    let (out, h) = scan h = zeros([b, hidden_size]) over xt in x along 1 => {
      let h = drop(cell(xt, h))
      (h, h)
    }
    (out=out, h=h)
  }
  export fn total(x: [b, t, input_size]) -> [b] = fold s = zeros([b]) over xt in x along 1, k < t => s + f32(k) * sum(xt, axis=-1)
  export fn until(x: [b, t, input_size]) -> f32[] = fold s = 0.0 over xt in x along 1 while s < 0.5 => s + sum(xt ^ 2)
}

export train FitRnn(net: Rnn, lr: f32[] = 1e-2) {
  batch x: f32[b, t, net.input_size], y: f32[b, net.hidden_size]
  minimize mean((net(x).h - y) ^ 2) using Adam(lr=lr)
}
