// DenseNet with torchvision's parameter names.
import { Conv2d } from "std/nn/conv"
import { BatchNorm2d } from "std/nn/norm"
import { Linear } from "std/nn/linear"
import { DenseBlock, Transition } from "std/nn/blocks"
import { global_avg_pool, max_pool2d } from "std/nn/pooling"

/// DenseNet-121 (Huang et al. 2017): every layer sees all layers before it in its block. [b, in_channels, h, w] ->
/// [b, classes], 7,978,856 parameters. Other depths and widths by `layers`, `growth_rate` and `num_init_features`.
/// Images of 32 × 32 pixels or more.
/// Paths: `features.conv0`, `features.denseblock1.denselayer1.norm1`, `features.transition1.norm`, ….
export model DenseNet121(classes: int = 1000, growth_rate: int = 32, layers: list = [6, 12, 24, 16],
                         num_init_features: int = 64, bn_size: int = 4, drop_rate: real = 0.0, in_channels: int = 3) {
  @name("features.conv0.{path}") let conv0 = Conv2d(in_channels, num_init_features, 7, stride=2, padding=3, bias=false)
  @name("features.norm0.{path}") let norm0 = BatchNorm2d(num_init_features)
  // Channels before each block, and after the last.
  let widths = fold ws = [num_init_features] over (i, n) in enumerate(layers) =>
    append(ws, if i == len(layers) - 1 { ws[i] + n * growth_rate } else { floor_div(ws[i] + n * growth_rate, 2) })
  @name("features.denseblock{number}.{path}") let blocks = for (i, n) in enumerate(layers) =>
    DenseBlock(n, widths[i], growth_rate, bn_size, drop_rate)
  @name("features.transition{number}.{path}") let transitions = for i in 0..len(layers) - 1 =>
    Transition(widths[i] + layers[i] * growth_rate, widths[i + 1])
  @name("features.norm5.{path}") let norm5 = BatchNorm2d(widths[-1])
  let classifier = Linear(widths[-1], classes)

  export fn forward(x: [b, in_channels, h, w]) -> [b, classes] requires h >= 32, w >= 32 {
    let x = max_pool2d(x |> conv0 |> norm0 |> relu, 3, stride=2, padding=1)
    let x = fold x = x over (block, next) in zip(blocks[:-1], transitions) => next(block(x))
    x |> blocks[-1] |> norm5 |> relu |> global_avg_pool |> classifier
  }
}
