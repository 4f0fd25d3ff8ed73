// exec: b=2 t=37 s=5
// Recurrent layers whose backward pass keeps one carry per segment of a loop: of 32 steps where the length
// is a dim (one and a rest, none and a rest), of 6 where it is 36.
import { Bidirectional, GRU, LSTM, Linear } from "std/nn"
import { SGD } from "std/optim"

export model Recurrent(inputs: int = 3, hidden: int = 4) {
  @remat let both   = Bidirectional(LSTM, inputs, hidden)
  @remat let second = GRU(inputs, hidden)
  @remat let third  = GRU(inputs, hidden, reverse=true)
  let out           = Linear(2 * hidden, hidden)
  export fn forward(x: [b, t, inputs], y: [b, 36, inputs], z: [b, s, inputs]) -> [b, hidden] =
    tanh(mean(out(both(x)), axis=1)) + mean(second(y)[0] ^ 2, axis=1) + sum(third(z)[0], axis=1)
}

export train Fit(net: Recurrent) {
  batch x: f32[b, t, net.inputs], y: f32[b, 36, net.inputs], z: f32[b, s, net.inputs]
  minimize mean(net(x, y, z) ^ 2) using SGD(lr=0.1)
}
