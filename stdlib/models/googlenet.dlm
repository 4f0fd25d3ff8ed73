// GoogLeNet with torchvision's parameter names: a network of inception blocks.
import { ConvBnReLU, InceptionBlock } from "std/nn/blocks"
import { Linear } from "std/nn/linear"
import { Dropout } from "std/nn/dropout"
import { global_avg_pool, max_pool2d } from "std/nn/pooling"

fn halve(x: [b, c, h, w], size: int) = max_pool2d(x, size, stride=2, ceil_mode=true)

/// GoogLeNet (Szegedy et al. 2015) with batch norm and without the auxiliary heads: [b, in_channels, h, w] ->
/// [b, classes], 6,624,904 parameters. `width`, a multiple of 8, is the number of channels of the stem, the others in
/// proportion. Images of 32 × 32 pixels or more. Paths: `conv1.conv`, `inception3a.branch1.conv`, …, `fc`.
export model GoogLeNet(classes: int = 1000, width: int = 64, in_channels: int = 3, dropout: real = 0.2)
  requires width % 8 == 0 {
  let unit  = width / 8
  let block = fn (inputs: int, a: int, b1: int, b: int, c1: int, c: int, d: int) =>
    InceptionBlock(inputs * unit, a * unit, b1 * unit, b * unit, c1 * unit, c * unit, d * unit)
  let conv1 = ConvBnReLU(in_channels, width, 7, stride=2, padding=3, eps=1e-3)
  let conv2 = ConvBnReLU(width, width, 1, eps=1e-3)
  let conv3 = ConvBnReLU(width, 3 * width, 3, padding=1, eps=1e-3)
  let inception3a = block(24, 8, 12, 16, 2, 4, 4)
  let inception3b = block(32, 16, 16, 24, 4, 12, 8)
  let inception4a = block(60, 24, 12, 26, 2, 6, 8)
  let inception4b = block(64, 20, 14, 28, 3, 8, 8)
  let inception4c = block(64, 16, 16, 32, 3, 8, 8)
  let inception4d = block(64, 14, 18, 36, 4, 8, 8)
  let inception4e = block(66, 32, 20, 40, 4, 16, 16)
  let inception5a = block(104, 32, 20, 40, 4, 16, 16)
  let inception5b = block(104, 48, 24, 48, 6, 16, 16)
  let drop = Dropout(dropout)
  let fc   = Linear(16 * width, classes)

  export fn forward(x: [b, in_channels, h, w]) -> [b, classes] requires h >= 32, w >= 32 {
    let x = halve(conv1(x), 3) |> conv2 |> conv3 |> halve(3)
    let x = x |> inception3a |> inception3b |> halve(3)
    let x = x |> inception4a |> inception4b |> inception4c |> inception4d |> inception4e |> halve(2)
    x |> inception5a |> inception5b |> global_avg_pool |> drop |> fc
  }
}
