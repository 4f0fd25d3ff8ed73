import { Linear } from "std/nn"
import { Adam } from "std/optim"

/// A classifier of 28×28 images.
export model Mlp(inputs: int = 784, classes: int = 10) {
  let fc1 = Linear(inputs, 256)
  let fc2 = Linear(256, 128)
  let fc3 = Linear(128, classes)
  export fn forward(x: [b, inputs]) -> [b, classes] = x |> fc1 |> relu |> fc2 |> relu |> fc3
}

export train Fit(net: Mlp, lr: f32[] = 1e-3) {
  batch x: f32[b, net.inputs], y: i32[b]
  minimize cross_entropy(net(x), y) using Adam(lr=lr)
}
