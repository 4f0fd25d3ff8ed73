// exec: b=2 t=4 y<3
// A bidirectional recurrent layer: two loops over one sequence, one of them backwards.
import { Bidirectional, LSTM, Linear } from "std/nn"
import { Adam, global_norm } from "std/optim"

export model Tagger(inputs: int = 3, hidden: int = 4, tags: int = 3) {
  let rnn = Bidirectional(LSTM, inputs, hidden)
  let out = Linear(2 * hidden, tags)
  export fn forward(x: [b, t, inputs]) -> [b, t, tags] = x |> rnn |> out
}

export train FitTagger(net: Tagger) {
  batch x: f32[b, t, net.inputs], y: i32[b, t]
  minimize cross_entropy(net(x), y) using Adam(lr=1e-2) with { clip=global_norm(1.0) }
}
