import { Conv2d, Linear, max_pool2d } from "std/nn"
import { Adam } from "std/optim"

/// A small classifier of 32×32 images.
export model Cnn(classes: int = 10) {
  let conv1 = Conv2d(3, 32, 3, padding=1)
  let conv2 = Conv2d(32, 64, 3, padding=1)
  let fc1   = Linear(64 * 8 * 8, 128)
  let fc2   = Linear(128, classes)
  export fn forward(x: [b, 3, 32, 32]) -> [b, classes] {
    let y = x |> conv1 |> relu |> max_pool2d(2) |> conv2 |> relu |> max_pool2d(2)
    rearrange[b c h w -> b (c h w)](y) |> fc1 |> relu |> fc2
  }
  export fn hold(x: [b, 3, 32, 32]) -> [b, 3, 32, 32] = x
}

export train Fit(net: Cnn, lr: f32[] = 1e-3) {
  batch x: [b, 3, 32, 32], y: i32[b]
  minimize cross_entropy(net(x), y) using Adam(lr=lr)
}
