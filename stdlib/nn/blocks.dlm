// Building blocks of published networks; members are named as in torchvision where it has them.
import { Conv1d, Conv2d } from "std/nn/conv"
import { BatchNorm1d, BatchNorm2d, LayerNorm } from "std/nn/norm"
import { Linear } from "std/nn/linear"
import { Dropout } from "std/nn/dropout"
import { MultiheadAttention } from "std/nn/attention"
import { TransformerEncoder } from "std/nn/transformer"
import { avg_pool2d, max_pool2d } from "std/nn/pooling"

// A projection of the input where a block changes its shape.
fn shortcut(x: [b, c, h, w], downsample: list?) = if downsample == none { x } else { fold x = x over f in downsample => f(x) }

/// Two 3 × 3 convolutions with a residual (He et al. 2016, ResNet-18/34). [b, c, h, w] -> [b, planes, ⌈h/s⌉, ⌈w/s⌉].
export layer BasicBlock(inplanes: int, planes: int, stride: int = 1) {
  let conv1 = Conv2d(inplanes, planes, 3, stride=stride, padding=1, bias=false)
  let bn1   = BatchNorm2d(planes)
  let conv2 = Conv2d(planes, planes, 3, padding=1, bias=false)
  let bn2   = BatchNorm2d(planes)
  let downsample = if stride == 1 && inplanes == planes { none }
    else { [Conv2d(inplanes, planes, 1, stride=stride, bias=false), BatchNorm2d(planes)] }

  fn forward(x: [b, inplanes, h, w]) -> [b, planes, ceil_div(h, stride), ceil_div(w, stride)] =
    relu((x |> conv1 |> bn1 |> relu |> conv2 |> bn2) + shortcut(x, downsample))
}

/// Channels scaled by what a small network makes of their means (Hu et al. 2018). Paths: `fc1`, `fc2`, 1 × 1 convolutions.
export layer SqueezeExcitation(input_channels: int, squeeze_channels: int) {
  let fc1 = Conv2d(input_channels, squeeze_channels, 1)
  let fc2 = Conv2d(squeeze_channels, input_channels, 1)
  fn forward(x: [b, input_channels, h, w]) -> [b, input_channels, h, w] =
    x * sigmoid(mean(x, axis=[2, 3], keepdim=true) |> fc1 |> relu |> fc2)
}

/// 1 × 1, 3 × 3 and 1 × 1 convolutions with a residual (He et al. 2016, ResNet-50); grouped in the middle it is
/// ResNeXt's (Xie et al. 2017); with `reduction`, channels are scaled before the sum (Hu et al. 2018, SE-ResNet). The
/// result has 4 · planes channels.
export layer Bottleneck(inplanes: int, planes: int, stride: int = 1, groups: int = 1, base_width: int = 64, reduction: int? = none) {
  let width = floor_div(planes * base_width, 64) * groups
  let conv1 = Conv2d(inplanes, width, 1, bias=false)
  let bn1   = BatchNorm2d(width)
  let conv2 = Conv2d(width, width, 3, stride=stride, padding=1, groups=groups, bias=false)
  let bn2   = BatchNorm2d(width)
  let conv3 = Conv2d(width, 4 * planes, 1, bias=false)
  let bn3   = BatchNorm2d(4 * planes)
  let se    = if reduction == none { none } else { SqueezeExcitation(4 * planes, floor_div(4 * planes, reduction)) }
  let downsample = if stride == 1 && inplanes == 4 * planes { none }
    else { [Conv2d(inplanes, 4 * planes, 1, stride=stride, bias=false), BatchNorm2d(4 * planes)] }

  fn forward(x: [b, inplanes, h, w]) -> [b, 4 * planes, ceil_div(h, stride), ceil_div(w, stride)] {
    let y = x |> conv1 |> bn1 |> relu |> conv2 |> bn2 |> relu |> conv3 |> bn3
    relu((if se != none { se(y) } else { y }) + shortcut(x, downsample))
  }
}

/// Norm and activation before each convolution; the residual path stays clean (He et al. 2016, "identity mappings").
export layer PreActivationBlock(inplanes: int, planes: int, stride: int = 1) {
  let bn1   = BatchNorm2d(inplanes)
  let conv1 = Conv2d(inplanes, planes, 3, stride=stride, padding=1, bias=false)
  let bn2   = BatchNorm2d(planes)
  let conv2 = Conv2d(planes, planes, 3, padding=1, bias=false)
  let downsample = if stride == 1 && inplanes == planes { none } else { [Conv2d(inplanes, planes, 1, stride=stride, bias=false)] }

  fn forward(x: [b, inplanes, h, w]) -> [b, planes, ceil_div(h, stride), ceil_div(w, stride)] {
    let a = relu(bn1(x))
    (a |> conv1 |> bn2 |> relu |> conv2) + (if downsample == none { x } else { shortcut(a, downsample) })
  }
}

/// One layer of a dense block: norm, 1 × 1, norm, 3 × 3; its `growth_rate` channels are appended (Huang et al. 2017).
export layer DenseLayer(num_input_features: int, growth_rate: int, bn_size: int = 4, drop_rate: real = 0.0) {
  let norm1 = BatchNorm2d(num_input_features)
  let conv1 = Conv2d(num_input_features, bn_size * growth_rate, 1, bias=false)
  let norm2 = BatchNorm2d(bn_size * growth_rate)
  let conv2 = Conv2d(bn_size * growth_rate, growth_rate, 3, padding=1, bias=false)
  let drop  = Dropout(drop_rate)
  fn forward(x: [b, num_input_features, h, w]) -> [b, num_input_features + growth_rate, h, w] =
    concat([x, x |> norm1 |> relu |> conv1 |> norm2 |> relu |> conv2 |> drop], axis=1)
}

/// `num_layers` dense layers. Paths: `denselayer1`, `denselayer2`, …
export layer DenseBlock(num_layers: int, num_input_features: int, growth_rate: int, bn_size: int = 4, drop_rate: real = 0.0) {
  @name("denselayer{number}.{path}") let layers = for i in 0..num_layers =>
    DenseLayer(num_input_features + i * growth_rate, growth_rate, bn_size, drop_rate)
  fn forward(x: [b, num_input_features, h, w]) -> [b, num_input_features + num_layers * growth_rate, h, w] =
    fold x = x over f in layers => f(x)
}

/// Between dense blocks: norm, 1 × 1 convolution, halved height and width.
export layer Transition(num_input_features: int, num_output_features: int) {
  let norm = BatchNorm2d(num_input_features)
  let conv = Conv2d(num_input_features, num_output_features, 1, bias=false)
  fn forward(x: [b, num_input_features, h, w]) = avg_pool2d(x |> norm |> relu |> conv, 2)
}

/// Convolution, norm, relu: the unit of Inception networks. Paths: `conv`, `bn`.
export layer ConvBnReLU(in_channels: int, out_channels: int, kernel_size: int | (int, int), stride: int = 1,
                        padding: int | (int, int) = 0, dilation: int = 1, groups: int = 1, eps: real = 1e-5) {
  let conv = Conv2d(in_channels, out_channels, kernel_size, stride=stride, padding=padding, dilation=dilation, groups=groups, bias=false)
  let bn   = BatchNorm2d(out_channels, eps=eps)
  fn forward(x: [b, in_channels, h, w]) = x |> conv |> bn |> relu
}

/// 1 × 1, 3 × 3, 5 × 5 and pooled paths side by side (Szegedy et al. 2015), with torchvision's GoogLeNet paths.
/// `kernel` is that of the third path: 5 in the paper, 3 in torchvision.
export layer InceptionBlock(in_channels: int, ch1x1: int, ch3x3red: int, ch3x3: int, ch5x5red: int, ch5x5: int, pool_proj: int,
                            kernel: int = 3) {
  let branch1 = ConvBnReLU(in_channels, ch1x1, 1, eps=1e-3)
  let branch2 = [ConvBnReLU(in_channels, ch3x3red, 1, eps=1e-3), ConvBnReLU(ch3x3red, ch3x3, 3, padding=1, eps=1e-3)]
  let branch3 = [ConvBnReLU(in_channels, ch5x5red, 1, eps=1e-3), ConvBnReLU(ch5x5red, ch5x5, kernel, padding=floor_div(kernel, 2), eps=1e-3)]
  @name("branch4.1.{path}") let branch4 = ConvBnReLU(in_channels, pool_proj, 1, eps=1e-3)
  fn forward(x: [b, in_channels, h, w]) -> [b, ch1x1 + ch3x3 + ch5x5 + pool_proj, h, w] =
    concat([branch1(x), branch2[1](branch2[0](x)), branch3[1](branch3[0](x)), branch4(max_pool2d(x, 3, stride=1, padding=1))], axis=1)
}

// Pairs of convolution and norm that an activation follows, then a pair without.
fn inverted(inp: int, hidden: int, oup: int, stride: int) {
  let widen  = if hidden == inp { [] } else { [[Conv2d(inp, hidden, 1, bias=false), BatchNorm2d(hidden)]] }
  let filter = [[Conv2d(hidden, hidden, 3, stride=stride, padding=1, groups=hidden, bias=false), BatchNorm2d(hidden)]]
  widen + filter + [Conv2d(hidden, oup, 1, bias=false), BatchNorm2d(oup)]
}

/// Widen by 1 × 1, filter each channel by 3 × 3, narrow by 1 × 1, residual where shapes agree (Sandler et al. 2018,
/// MobileNetV2). Paths: `conv.0.0`, `conv.0.1`, … as in torchvision.
export layer InvertedResidual(inp: int, oup: int, stride: int, expand_ratio: int) {
  let conv = inverted(inp, inp * expand_ratio, oup, stride)
  let wide = len(conv) - 2

  fn forward(x: [b, inp, h, w]) -> [b, oup, ceil_div(h, stride), ceil_div(w, stride)] {
    let y = fold y = x over i in 0..wide => relu6(conv[i][1](conv[i][0](y)))
    let y = conv[wide + 1](conv[wide](y))
    if stride == 1 && inp == oup { x + y } else { y }
  }
}

// A 1 × 1 convolution, dilated ones, and one for the image's means, each with its norm.
fn pyramid(inputs: int, outputs: int, rates: list) {
  let far = for r in rates => [Conv2d(inputs, outputs, 3, padding=r, dilation=r, bias=false), BatchNorm2d(outputs)]
  [[Conv2d(inputs, outputs, 1, bias=false), BatchNorm2d(outputs)]] + far + [[none, Conv2d(inputs, outputs, 1, bias=false), BatchNorm2d(outputs)]]
}

/// Atrous spatial pyramid pooling (Chen et al. 2017, DeepLab v3): 1 × 1, dilated 3 × 3 and image means, projected.
/// Paths as in torchvision: `convs.0.0`, …, `project.0`, ….
export layer ASPP(in_channels: int, atrous_rates: list, out_channels: int = 256, dropout: real = 0.5) {
  let convs   = pyramid(in_channels, out_channels, atrous_rates)
  let project = [Conv2d((len(atrous_rates) + 2) * out_channels, out_channels, 1, bias=false), BatchNorm2d(out_channels)]
  let drop    = Dropout(dropout)

  fn forward(x: [b, in_channels, h, w]) -> [b, out_channels, h, w] {
    let maps = for f in convs[:-1] => relu(f[1](f[0](x)))
    let image = convs[-1]
    let means = relu(image[2](image[1](mean(x, axis=[2, 3], keepdim=true))))
    let all = concat(append(maps, broadcast_to(means, [b, out_channels, h, w])), axis=1)
    drop(relu(project[1](project[0](all))))
  }
}

/// Feature pyramid (Lin et al. 2017): maps from fine to coarse, each with what the coarser ones say, at `out_channels`.
/// Every map has half the height and width of the one before. Paths: `inner_blocks.0.0`, `layer_blocks.0.0`, … as in torchvision.
export layer FeaturePyramidNetwork(in_channels_list: list, out_channels: int) {
  let inner_blocks = for c in in_channels_list => [Conv2d(c, out_channels, 1)]
  let layer_blocks = for c in in_channels_list => [Conv2d(out_channels, out_channels, 3, padding=1)]
  fn forward(maps: list) {
    let inner = for (f, x) in zip(inner_blocks, maps) => f[0](x)
    let coarse = reverse(inner)
    let (_, merged) = fold (above, merged) = (coarse[0], [coarse[0]]) over x in coarse[1:] => {
      let y = x + rearrange[b c h w -> b c (h p) (w q)](above, p=2, q=2)
      (y, append(merged, y))
    }
    for (f, x) in zip(layer_blocks, reverse(merged)) => f[0](x)
  }
}

/// Half a dense layer, attention, convolution, half a dense layer (Gulati et al. 2020), on [b, t, d].
export layer ConformerBlock(d_model: int, nhead: int, ff_mult: int = 4, kernel_size: int = 31, dropout: real = 0.1) {
  let ff1_norm   = LayerNorm(d_model)
  let ff1_in     = Linear(d_model, ff_mult * d_model)
  let ff1_out    = Linear(ff_mult * d_model, d_model)
  let attn_norm  = LayerNorm(d_model)
  let self_attn  = MultiheadAttention(d_model, nhead, dropout=dropout)
  let conv_norm  = LayerNorm(d_model)
  let pointwise1 = Conv1d(d_model, 2 * d_model, 1)
  let depthwise  = Conv1d(d_model, d_model, kernel_size, padding="same", groups=d_model)
  let bn         = BatchNorm1d(d_model)
  let pointwise2 = Conv1d(d_model, d_model, 1)
  let ff2_norm   = LayerNorm(d_model)
  let ff2_in     = Linear(d_model, ff_mult * d_model)
  let ff2_out    = Linear(ff_mult * d_model, d_model)
  let final_norm = LayerNorm(d_model)
  let drop       = Dropout(dropout)

  fn convolve(x: [b, t, d_model]) -> [b, t, d_model] {
    let y = transpose(conv_norm(x)) |> pointwise1 |> glu(axis=1) |> depthwise |> bn |> silu |> pointwise2
    drop(transpose(y))
  }
  fn forward(x: [b, t, d_model], key_padding_mask: bool[b, t]? = none) -> [b, t, d_model] {
    let x = x + 0.5 * (x |> ff1_norm |> ff1_in |> silu |> drop |> ff1_out |> drop)
    let q = attn_norm(x)
    let x = x + drop(self_attn(q, q, q, key_padding_mask=key_padding_mask).out)
    let x = x + convolve(x)
    final_norm(x + 0.5 * (x |> ff2_norm |> ff2_in |> silu |> drop |> ff2_out |> drop))
  }
}

/// Local convolution, a transformer over the patches' equal pixels, and fusion (Mehta & Rastegari 2022, MobileViT).
/// Height and width are multiples of `patch`.
export layer MobileViTBlock(channels: int, d_model: int, nhead: int, depth: int, patch: int = 2, ff_mult: int = 2, dropout: real = 0.0) {
  let local   = ConvBnReLU(channels, channels, 3, padding=1)
  let project = Conv2d(channels, d_model, 1, bias=false)
  let encoder = TransformerEncoder(d_model, nhead, depth, ff_mult * d_model, dropout, norm_first=true, norm=true)
  let back    = ConvBnReLU(d_model, channels, 1)
  let fuse    = ConvBnReLU(2 * channels, channels, 3, padding=1)

  fn forward(x: [b, channels, h, w]) -> [b, channels, h, w] requires h % patch == 0, w % patch == 0 {
    let y = x |> local |> project
    let y = rearrange[b d (i p) (j q) -> (b p q) (i j) d](y, p=patch, q=patch) |> encoder
    let y = rearrange[(b p q) (i j) d -> b d (i p) (j q)](y, b=b, p=patch, q=patch, i=h / patch)
    fuse(concat([x, back(y)], axis=1))
  }
}
