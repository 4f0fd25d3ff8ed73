// Which way a spot moves in a clip: convolutions over time and space, and an MLP with as many weights.
import { Conv3d, Linear, global_avg_pool } from "std/nn"
import { AdamW } from "std/optim"

/// Filters see three frames at once, so they can tell where to.
export model Cnn(width: int = 8, classes: int = 4) {
  let conv1 = Conv3d(1, width, 3, padding=1)
  let conv2 = Conv3d(width, 2 * width, 3, padding=1)
  let head  = Linear(2 * width, classes)
  export fn forward(x: [b, 1, 6, 10, 10]) -> [b, classes] =
    x |> conv1 |> relu |> conv2 |> relu |> global_avg_pool |> head
  export fn predict(x: [b, 1, 6, 10, 10]) -> i32[b] = argmax(forward(x), axis=-1)
}

/// Sees every pixel of every frame with a weight of its own.
export model Mlp(hidden: int = 6, classes: int = 4) {
  let fc1 = Linear(600, hidden)
  let fc2 = Linear(hidden, classes)
  export fn forward(x: [b, 1, 6, 10, 10]) -> [b, classes] =
    reshape(x, [b, 600]) |> fc1 |> relu |> fc2
  export fn predict(x: [b, 1, 6, 10, 10]) -> i32[b] = argmax(forward(x), axis=-1)
}

export train FitCnn(net: Cnn, lr: f32[] = 5e-3) {
  batch x: f32[b, 1, 6, 10, 10], y: i32[b]
  minimize cross_entropy(net(x), y) using AdamW(lr=lr)
}

export train FitMlp(net: Mlp, lr: f32[] = 5e-3) {
  batch x: f32[b, 1, 6, 10, 10], y: i32[b]
  minimize cross_entropy(net(x), y) using AdamW(lr=lr)
}
