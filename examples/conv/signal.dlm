// What kind of pattern is in a signal: a convolutional network over time, and an MLP with as many weights.
import { Conv1d, Linear, MaxPool1d, global_max_pool } from "std/nn"
import { AdamW } from "std/optim"

/// Finds a pattern wherever it is: the largest answer of each filter counts.
export model Cnn(width: int = 16, classes: int = 4) {
  let conv1 = Conv1d(1, width, 7, padding="same")
  let conv2 = Conv1d(width, 24, 7, padding="same")
  let pool  = MaxPool1d(2)
  let head  = Linear(24, classes)
  export fn forward(x: [b, 1, 96]) -> [b, classes] =
    x |> conv1 |> relu |> pool |> conv2 |> relu |> global_max_pool |> head
  export fn predict(x: [b, 1, 96]) -> i32[b] = argmax(forward(x), axis=-1)
}

/// Sees every sample with a weight of its own.
export model Mlp(hidden: int = 29, classes: int = 4) {
  let fc1 = Linear(96, hidden)
  let fc2 = Linear(hidden, classes)
  export fn forward(x: [b, 1, 96]) -> [b, classes] = reshape(x, [b, 96]) |> fc1 |> relu |> fc2
  export fn predict(x: [b, 1, 96]) -> i32[b] = argmax(forward(x), axis=-1)
}

export train FitCnn(net: Cnn, lr: f32[] = 3e-3) {
  batch x: f32[b, 1, 96], y: i32[b]
  minimize cross_entropy(net(x), y) using AdamW(lr=lr)
}

export train FitMlp(net: Mlp, lr: f32[] = 3e-3) {
  batch x: f32[b, 1, 96], y: i32[b]
  minimize cross_entropy(net(x), y) using AdamW(lr=lr)
}
