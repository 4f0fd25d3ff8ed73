// exec: b=3 t=4
// Every kind of noise: the same draws on every device, none outside of training.
import { Dropout, Dropout1d, Dropout2d, Dropout3d, StochasticDepth, LSTM } from "std/nn"
import { fan_uniform, recurrent_uniform } from "std/init"
import { SGD } from "std/optim"

export model Noisy(d: int = 4) {
  param a: [d] = fan_uniform(2)
  param c: [d] = recurrent_uniform(3)
  let each  = Dropout(0.4)
  let one   = Dropout1d(0.5)
  let two   = Dropout2d(0.5)
  let three = Dropout3d(0.5)
  let depth = StochasticDepth(0.5)
  let rnn   = LSTM(d, d, num_layers=2, dropout=0.3, recurrent_dropout=0.4)
  export fn forward(x: [b, t, d]) -> [b, t, d] {
    let y = depth(each(x * a)) + one(x)
    let y = y + rearrange[b t d 1 -> b t d](two(rearrange[b t d -> b t d 1](y * c)))
    let y = y + rearrange[b t d 1 1 -> b t d](three(rearrange[b t d -> b t d 1 1](y)))
    y * dropout_mask([b, 1, 1], 0.25) + rnn(y).out
  }
  export fn coins(x: [b, t, d]) -> [b, t, d] = where(bernoulli([b, t, d], 0.3), x, 0.0)
}

export train Fit(net: Noisy) {
  batch x: f32[b, t, 4]
  minimize mean(net(x) ^ 2) using SGD(lr=0.1)
}
