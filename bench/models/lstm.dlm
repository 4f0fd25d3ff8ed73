import { Linear, LSTM } from "std/nn"
import { Adam } from "std/optim"

/// One LSTM layer over whole sequences.
export model Lstm(inputs: int = 32, hidden: int = 128) {
  let lstm = LSTM(inputs, hidden)
  export fn forward(x: [b, t, inputs]) -> [b, t, hidden] = lstm(x).out
  export fn hold(x: [b, t, inputs]) -> [b, t, inputs] = x
}

/// A classifier of sequences: the last hidden state through a dense layer.
export model LstmClassifier(inputs: int = 32, hidden: int = 128, classes: int = 10) {
  let lstm = LSTM(inputs, hidden)
  let fc   = Linear(hidden, classes)
  export fn forward(x: [b, t, inputs]) -> [b, classes] = fc(lstm(x).out[:, -1])
}

export train Fit(net: LstmClassifier, lr: f32[] = 1e-3) {
  batch x: [b, t, net.inputs], y: i32[b]
  minimize cross_entropy(net(x), y) using Adam(lr=lr)
}
