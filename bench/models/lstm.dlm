import { LSTM } from "std/nn"

/// One LSTM layer over whole sequences.
export model Lstm(inputs: int = 32, hidden: int = 128) {
  let lstm = LSTM(inputs, hidden)
  export fn forward(x: [b, t, inputs]) -> [b, t, hidden] = lstm(x).out
  export fn hold(x: [b, t, inputs]) -> [b, t, inputs] = x
}
