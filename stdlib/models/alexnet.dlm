// AlexNet with torchvision's parameter names: convolutions, then three dense layers on a pooled map.
import { Conv2d } from "std/nn/conv"
import { Linear } from "std/nn/linear"
import { Dropout } from "std/nn/dropout"
import { Sequential } from "std/nn/container"
import { ReLU } from "std/nn/activation"
import { MaxPool2d, adaptive_avg_pool2d } from "std/nn/pooling"

/// AlexNet (Krizhevsky et al. 2012, as changed by Krizhevsky 2014): [b, in_channels, h, w] -> [b, classes], 61,100,840
/// parameters. `width` is the number of channels of the first layer, the others in proportion; `hidden` that of the
/// dense layers. Images of 63 × 63 pixels or more. Paths: `features.0`, …, `classifier.6`.
export model AlexNet(classes: int = 1000, width: int = 64, hidden: int = 4096, in_channels: int = 3, dropout: real = 0.5) {
  let features = Sequential([
    Conv2d(in_channels, width, 11, stride=4, padding=2), ReLU(), MaxPool2d(3, stride=2),
    Conv2d(width, 3 * width, 5, padding=2), ReLU(), MaxPool2d(3, stride=2),
    Conv2d(3 * width, 6 * width, 3, padding=1), ReLU(),
    Conv2d(6 * width, 4 * width, 3, padding=1), ReLU(),
    Conv2d(4 * width, 4 * width, 3, padding=1), ReLU(), MaxPool2d(3, stride=2),
  ])
  let classifier = Sequential([
    Dropout(dropout), Linear(144 * width, hidden), ReLU(),
    Dropout(dropout), Linear(hidden, hidden), ReLU(),
    Linear(hidden, classes),
  ])
  export fn forward(x: [b, in_channels, h, w]) -> [b, classes] requires h >= 63, w >= 63 =
    x |> features |> adaptive_avg_pool2d(6) |> flatten |> classifier
}
