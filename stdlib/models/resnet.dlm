// Residual networks with torchvision's parameter names: ResNet (He et al. 2016), ResNeXt (Xie et al. 2017) and
// SE-ResNet (Hu et al. 2018). They share their config:
//   classes       0 gives the features before the dense layer
//   width         channels of the stem; those of the stages are in proportion
//   layers        blocks of each of the four stages
//   small_images  a 3 × 3 stem without pooling, for images below about 64 × 64 pixels
import { Conv2d } from "std/nn/conv"
import { BatchNorm2d } from "std/nn/norm"
import { Linear } from "std/nn/linear"
import { BasicBlock, Bottleneck } from "std/nn/blocks"
import { global_avg_pool, max_pool2d } from "std/nn/pooling"

// One stage: its first block changes width and size.
fn stage(make: fn(int, int, int) -> layer, inplanes: int, planes: int, expansion: int, count: int, stride: int) =
  for i in 0..count => make(if i == 0 { inplanes } else { planes * expansion }, planes, if i == 0 { stride } else { 1 })

/// Stem, four stages and the mean over positions: [b, in_channels, h, w] -> [b, 8 · width · expansion]. `make` gives the
/// block of (inplanes, planes, stride), whose result has `expansion` · planes channels. Paths: `conv1`, `bn1`,
/// `layer1.0.conv1`, ….
export layer ResNetFeatures(make: fn(int, int, int) -> layer, expansion: int, layers: list, width: int = 64,
                            in_channels: int = 3, small_images: bool = false) {
  let conv1  = if small_images { Conv2d(in_channels, width, 3, padding=1, bias=false) }
    else { Conv2d(in_channels, width, 7, stride=2, padding=3, bias=false) }
  let bn1    = BatchNorm2d(width)
  let layer1 = stage(make, width, width, expansion, layers[0], 1)
  let layer2 = stage(make, width * expansion, 2 * width, expansion, layers[1], 2)
  let layer3 = stage(make, 2 * width * expansion, 4 * width, expansion, layers[2], 2)
  let layer4 = stage(make, 4 * width * expansion, 8 * width, expansion, layers[3], 2)

  /// What the stages give, fine to coarse: the maps that detection and segmentation read.
  fn maps(x: [b, in_channels, h, w]) {
    let x = x |> conv1 |> bn1 |> relu
    let x = if small_images { x } else { max_pool2d(x, 3, stride=2, padding=1) }
    let c2 = fold x = x over f in layer1 => f(x)
    let c3 = fold x = c2 over f in layer2 => f(x)
    let c4 = fold x = c3 over f in layer3 => f(x)
    [c2, c3, c4, fold x = c4 over f in layer4 => f(x)]
  }
  fn forward(x: [b, in_channels, h, w]) -> [b, 8 * width * expansion] = global_avg_pool(maps(x)[3])
}

fn basic(inplanes: int, planes: int, stride: int) = BasicBlock(inplanes, planes, stride)
fn bottleneck(inplanes: int, planes: int, stride: int) = Bottleneck(inplanes, planes, stride)

fn classifier(features: int, classes: int) = if classes > 0 { Linear(features, classes) } else { none }

// Logits, or the features where there is no dense layer.
fn logits(x: [b, n], fc: layer?) = if fc != none { fc(x) } else { x }

/// A ResNet of any block and depth: [b, in_channels, h, w] -> [b, classes]. Left alone it is ResNet-18.
export model ResNet(make: fn(int, int, int) -> layer = basic, expansion: int = 1, layers: list = [2, 2, 2, 2],
                    classes: int = 1000, width: int = 64, in_channels: int = 3, small_images: bool = false) {
  @name("{path}") let features = ResNetFeatures(make, expansion, layers, width, in_channels, small_images)
  let fc = classifier(8 * width * expansion, classes)
  export fn forward(x: [b, in_channels, h, w]) = logits(features(x), fc)
}

/// ResNet-18: 11,689,512 parameters.
export model ResNet18(classes: int = 1000, width: int = 64, layers: list = [2, 2, 2, 2], in_channels: int = 3,
                     small_images: bool = false) {
  @name("{path}") let features = ResNetFeatures(basic, 1, layers, width, in_channels, small_images)
  let fc = classifier(8 * width, classes)
  export fn forward(x: [b, in_channels, h, w]) = logits(features(x), fc)
}

/// ResNet-50: 25,557,032 parameters.
export model ResNet50(classes: int = 1000, width: int = 64, layers: list = [3, 4, 6, 3], in_channels: int = 3,
                     small_images: bool = false) {
  @name("{path}") let features = ResNetFeatures(bottleneck, 4, layers, width, in_channels, small_images)
  let fc = classifier(32 * width, classes)
  export fn forward(x: [b, in_channels, h, w]) = logits(features(x), fc)
}

/// ResNet-101: 44,549,160 parameters.
export model ResNet101(classes: int = 1000, width: int = 64, layers: list = [3, 4, 23, 3], in_channels: int = 3,
                     small_images: bool = false) {
  @name("{path}") let features = ResNetFeatures(bottleneck, 4, layers, width, in_channels, small_images)
  let fc = classifier(32 * width, classes)
  export fn forward(x: [b, in_channels, h, w]) = logits(features(x), fc)
}

/// ResNeXt-50 32×4d: convolutions in `groups` groups of `width_per_group` channels, 25,028,904 parameters.
export model ResNeXt50(classes: int = 1000, width: int = 64, groups: int = 32, width_per_group: int = 4,
                       layers: list = [3, 4, 6, 3], in_channels: int = 3, small_images: bool = false) {
  let make = fn (inplanes: int, planes: int, stride: int) =>
    Bottleneck(inplanes, planes, stride, groups, width_per_group)
  @name("{path}") let features = ResNetFeatures(make, 4, layers, width, in_channels, small_images)
  let fc = classifier(32 * width, classes)
  export fn forward(x: [b, in_channels, h, w]) = logits(features(x), fc)
}

/// SE-ResNet: a ResNet-50 that scales channels in every block, 28,088,024 parameters. Paths as in timm:
/// `layer1.0.se.fc1`, ….
export model SeResNet(classes: int = 1000, width: int = 64, reduction: int = 16, layers: list = [3, 4, 6, 3],
                      in_channels: int = 3, small_images: bool = false) {
  let make = fn (inplanes: int, planes: int, stride: int) =>
    Bottleneck(inplanes, planes, stride, reduction=reduction)
  @name("{path}") let features = ResNetFeatures(make, 4, layers, width, in_channels, small_images)
  let fc = classifier(32 * width, classes)
  export fn forward(x: [b, in_channels, h, w]) = logits(features(x), fc)
}
