// A small convolutional network that says which digit an image shows: the judge of images that others generate.
import { Conv2d, Linear, MaxPool2d } from "std/nn"
import { Adam } from "std/optim"

export model Judge(width: int = 12) {
  let conv1 = Conv2d(1, width, 3, padding=1)
  let conv2 = Conv2d(width, 2 * width, 3, padding=1)
  let pool  = MaxPool2d(2)
  let head  = Linear(32 * width, 10)
  fn logits(x: [b, 64]) -> [b, 10] {
    let maps = reshape(x, [b, 1, 8, 8]) |> conv1 |> relu |> conv2 |> relu |> pool
    head(reshape(maps, [b, 32 * width]))
  }
  /// Probabilities of the ten digits.
  export fn forward(x: [b, 64]) -> [b, 10] = softmax(logits(x))
}

export train Fit(net: Judge, lr: f32[] = 2e-3) {
  batch x: f32[b, 64], y: i32[b]
  minimize cross_entropy(net.logits(x), y) using Adam(lr=lr)
}
