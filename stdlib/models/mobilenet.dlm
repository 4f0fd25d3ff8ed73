// MobileNet with torchvision's parameter names.
import { Conv2d } from "std/nn/conv"
import { BatchNorm2d } from "std/nn/norm"
import { Linear } from "std/nn/linear"
import { Dropout } from "std/nn/dropout"
import { InvertedResidual } from "std/nn/blocks"
import { global_avg_pool } from "std/nn/pooling"

// `channels` · width / 32, rounded to a multiple of 8 and never by more than a tenth downwards.
fn scaled(channels: int, width: int) -> int {
  let q = max(8, floor_div(channels * width + 128, 256) * 8)
  if 320 * q < 9 * channels * width { q + 8 } else { q }
}

// Stem, blocks, and a 1 × 1 convolution to `last` channels.
fn features_of(in_channels: int, width: int, last: int, settings: list) {
  let stem = scaled(32, width)
  let (blocks, channels) = fold (blocks, channels) = ([], stem) over (expand, out, count, stride) in settings => {
    let oup = scaled(out, width)
    let more = for i in 0..count =>
      InvertedResidual(if i == 0 { channels } else { oup }, oup, if i == 0 { stride } else { 1 }, expand)
    (blocks + more, oup)
  }
  let first = [Conv2d(in_channels, stem, 3, stride=2, padding=1, bias=false), BatchNorm2d(stem)]
  [first] + blocks + [[Conv2d(channels, last, 1, bias=false), BatchNorm2d(last)]]
}

/// MobileNetV2 (Sandler et al. 2018): [b, in_channels, h, w] -> [b, classes], 3,504,872 parameters. `width` is the number
/// of channels of the stem, the others in proportion; `settings` lists (expansion, channels, blocks, first stride).
/// Paths: `features.0.0`, `features.1.conv.0.0`, …, `classifier.1`.
export model MobileNetV2(classes: int = 1000, width: int = 32, in_channels: int = 3, dropout: real = 0.2,
                         settings: list = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
                                           (6, 160, 3, 2), (6, 320, 1, 1)]) {
  let last = scaled(1280, max(width, 32))
  let features   = features_of(in_channels, width, last, settings)
  let classifier = [Dropout(dropout), Linear(last, classes)]

  export fn forward(x: [b, in_channels, h, w]) -> [b, classes] {
    let (first, final) = (features[0], features[-1])
    let x = relu6(first[1](first[0](x)))
    let x = fold x = x over f in features[1:-1] => f(x)
    let x = relu6(final[1](final[0](x)))
    classifier[1](classifier[0](global_avg_pool(x)))
  }
}
