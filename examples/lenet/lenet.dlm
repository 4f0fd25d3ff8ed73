// A small convolutional network after LeNet-5 for 8×8 digits: convolutions and pooling twice, then dense layers.
import { Conv2d, Linear, Dropout, MaxPool2d } from "std/nn"
import { AdamW, cosine } from "std/optim"

/// Pixels are valued 0 to 16.
export model LeNet(width: int = 16, hidden: int = 64, drop: real = 0.3) {
  let conv1 = Conv2d(1, width, 3, padding=1)
  let conv2 = Conv2d(width, 2 * width, 3, padding=1)
  let conv3 = Conv2d(2 * width, 2 * width, 3, padding=1)
  let pool  = MaxPool2d(2)
  let fc1   = Linear(8 * width, hidden)
  let drops = Dropout(drop)
  let fc2   = Linear(hidden, 10)

  export fn forward(x: [b, 1, 8, 8]) -> [b, 10] {
    let maps = x / 16.0 |> conv1 |> relu |> conv2 |> relu |> pool |> conv3 |> relu |> pool
    reshape(maps, [b, 8 * width]) |> drops |> fc1 |> relu |> drops |> fc2
  }
  export fn predict(x: [b, 1, 8, 8]) -> i32[b] = argmax(forward(x), axis=-1)
}

export train Fit(net: LeNet, lr: f32[] = 4e-3, total: i32[] = 1000) {
  batch x: f32[b, 1, 8, 8], y: i32[b]
  let logits = net(x)
  minimize cross_entropy(logits, y, label_smoothing=0.05)
    using AdamW(lr=cosine(lr, total, warmup=50), weight_decay=1e-2)
  metric accuracy = mean(f32(argmax(logits, axis=-1) == y))
}
