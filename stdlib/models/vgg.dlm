// VGG with torchvision's parameter names: convolutions, then three dense layers on a pooled map.
import { Conv2d } from "std/nn/conv"
import { Linear } from "std/nn/linear"
import { Dropout } from "std/nn/dropout"
import { Sequential } from "std/nn/container"
import { ReLU } from "std/nn/activation"
import { MaxPool2d, adaptive_avg_pool2d } from "std/nn/pooling"

// Convolutions of `plan`'s multiples of width, 0 for a pooling that halves the map.
fn vgg_features(plan: list, width: int, in_channels: int) {
  let (layers, _) = fold (layers, c) = ([], in_channels) over m in plan =>
    if m == 0 { (append(layers, MaxPool2d(2)), c) }
    else { (layers + [Conv2d(c, m * width, 3, padding=1), ReLU()], m * width) }
  layers
}

fn vgg_classifier(width: int, hidden: int, classes: int, dropout: real) = [
  Linear(392 * width, hidden), ReLU(), Dropout(dropout),
  Linear(hidden, hidden), ReLU(), Dropout(dropout),
  Linear(hidden, classes),
]

/// VGG-11 (Simonyan & Zisserman 2015): [b, in_channels, h, w] -> [b, classes], 132,863,336 parameters. `width` is the
/// number of channels of the first layer, the others in proportion; `hidden` that of the dense layers. Images of 32 × 32
/// pixels or more. Paths: `features.0`, …, `classifier.6`.
export model Vgg11(classes: int = 1000, width: int = 64, hidden: int = 4096, in_channels: int = 3, dropout: real = 0.5) {
  let features   = Sequential(vgg_features([1, 0, 2, 0, 4, 4, 0, 8, 8, 0, 8, 8, 0], width, in_channels))
  let classifier = Sequential(vgg_classifier(width, hidden, classes, dropout))
  export fn forward(x: [b, in_channels, h, w]) -> [b, classes] requires h >= 32, w >= 32 =
    x |> features |> adaptive_avg_pool2d(7) |> flatten |> classifier
}

/// VGG-16: as VGG-11 with two or three convolutions in each group, 138,357,544 parameters.
export model Vgg16(classes: int = 1000, width: int = 64, hidden: int = 4096, in_channels: int = 3, dropout: real = 0.5) {
  let features   = Sequential(vgg_features([1, 1, 0, 2, 2, 0, 4, 4, 4, 0, 8, 8, 8, 0, 8, 8, 8, 0], width, in_channels))
  let classifier = Sequential(vgg_classifier(width, hidden, classes, dropout))
  export fn forward(x: [b, in_channels, h, w]) -> [b, classes] requires h >= 32, w >= 32 =
    x |> features |> adaptive_avg_pool2d(7) |> flatten |> classifier
}
