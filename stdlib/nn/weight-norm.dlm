// Weight normalisation (Salimans & Kingma 2016): layers whose weight is weight_g * weight_v / ‖weight_v‖, with the norm of
// each slice of the first axis and the parameter names of torch.nn.utils.weight_norm.
import { kaiming_uniform, fan_uniform } from "std/init"
import { conv1d, conv2d, conv3d, conv_transpose1d, conv_transpose2d, conv_transpose3d } from "std/nn/conv"

type Pair = int | (int, int)
type Triple = int | (int, int, int)
type PaddingMode = "zeros" | "reflect" | "replicate" | "circular"

/// g * v / ‖v‖ with the norm of v over all axes but `dim`; g has the shape of that norm, 1 on those axes. `dim` none
/// takes one norm of all elements.
export fn weight_norm(v: [...s], g: [...r], dim: int? = 0) {
  let own  = if dim == none { -1 } else { dim % rank(v) }
  let axes = fold a = [] over i in 0..rank(v) => if i == own { a } else { a + [i] }
  v * (g * rsqrt(sum(v ^ 2, axis=axes, keepdim=true)))
}

/// `Linear` by weight norm: weight_g [out, 1], weight_v [out, in], bias [out].
export layer WeightNormLinear(in_features: int, out_features: int, bias: bool = true) {
  param weight_g: [out_features, 1] = ones()
  param weight_v: [out_features, in_features] = normal(0.05)
  param bias: [out_features] = zeros() when bias
  fn forward(x: [..., in_features]) -> [..., out_features] = linear(x, weight_norm(weight_v, weight_g), bias)
}

/// `Conv1d` by weight norm: weight_g [out, 1, 1], weight_v [out, in / groups, k], bias [out].
export layer WeightNormConv1d(in_channels: int, out_channels: int, kernel_size: int, stride: int = 1,
                              padding: int | (int, int) | "same" | "valid" | "causal" = 0, dilation: int = 1, groups: int = 1,
                              bias: bool = true, padding_mode: PaddingMode = "zeros")
  requires out_channels % groups == 0, in_channels % groups == 0 {
  param weight_g: [out_channels, 1, 1] = ones()
  param weight_v: [out_channels, in_channels / groups, kernel_size] = kaiming_uniform()
  param bias: [out_channels] = fan_uniform(in_channels / groups * kernel_size) when bias
  fn forward(x: [b, in_channels, l]) =
    conv1d(x, weight_norm(weight_v, weight_g), bias, stride, padding, dilation, groups, padding_mode)
}

/// `Conv2d` by weight norm: weight_g [out, 1, 1, 1], weight_v [out, in / groups, kh, kw], bias [out].
export layer WeightNormConv2d(in_channels: int, out_channels: int, kernel_size: Pair, stride: Pair = 1,
                              padding: Pair | "same" | "valid" = 0, dilation: Pair = 1, groups: int = 1,
                              bias: bool = true, padding_mode: PaddingMode = "zeros")
  requires out_channels % groups == 0, in_channels % groups == 0 {
  let (kh, kw) = pair(kernel_size)
  param weight_g: [out_channels, 1, 1, 1] = ones()
  param weight_v: [out_channels, in_channels / groups, kh, kw] = kaiming_uniform()
  param bias: [out_channels] = fan_uniform(in_channels / groups * kh * kw) when bias
  fn forward(x: [b, in_channels, h, w]) =
    conv2d(x, weight_norm(weight_v, weight_g), bias, stride, padding, dilation, groups, padding_mode)
}

/// `Conv3d` by weight norm: weight_g [out, 1, 1, 1, 1], weight_v [out, in / groups, kd, kh, kw], bias [out].
export layer WeightNormConv3d(in_channels: int, out_channels: int, kernel_size: Triple, stride: Triple = 1,
                              padding: Triple | "same" | "valid" = 0, dilation: Triple = 1, groups: int = 1,
                              bias: bool = true, padding_mode: PaddingMode = "zeros")
  requires out_channels % groups == 0, in_channels % groups == 0 {
  let (kd, kh, kw) = triple(kernel_size)
  param weight_g: [out_channels, 1, 1, 1, 1] = ones()
  param weight_v: [out_channels, in_channels / groups, kd, kh, kw] = kaiming_uniform()
  param bias: [out_channels] = fan_uniform(in_channels / groups * kd * kh * kw) when bias
  fn forward(x: [b, in_channels, d, h, w]) =
    conv3d(x, weight_norm(weight_v, weight_g), bias, stride, padding, dilation, groups, padding_mode)
}

/// `ConvTranspose1d` by weight norm: weight_g [in, 1, 1], weight_v [in, out / groups, k], bias [out].
export layer WeightNormConvTranspose1d(in_channels: int, out_channels: int, kernel_size: int, stride: int = 1,
                                       padding: int = 0, output_padding: int = 0, groups: int = 1,
                                       bias: bool = true, dilation: int = 1)
  requires out_channels % groups == 0, in_channels % groups == 0 {
  param weight_g: [in_channels, 1, 1] = ones()
  param weight_v: [in_channels, out_channels / groups, kernel_size] = kaiming_uniform()
  param bias: [out_channels] = fan_uniform(out_channels / groups * kernel_size) when bias
  fn forward(x: [b, in_channels, l]) =
    conv_transpose1d(x, weight_norm(weight_v, weight_g), bias, stride, padding, output_padding, groups, dilation)
}

/// `ConvTranspose2d` by weight norm: weight_g [in, 1, 1, 1], weight_v [in, out / groups, kh, kw], bias [out].
export layer WeightNormConvTranspose2d(in_channels: int, out_channels: int, kernel_size: Pair, stride: Pair = 1,
                                       padding: Pair = 0, output_padding: Pair = 0, groups: int = 1,
                                       bias: bool = true, dilation: Pair = 1)
  requires out_channels % groups == 0, in_channels % groups == 0 {
  let (kh, kw) = pair(kernel_size)
  param weight_g: [in_channels, 1, 1, 1] = ones()
  param weight_v: [in_channels, out_channels / groups, kh, kw] = kaiming_uniform()
  param bias: [out_channels] = fan_uniform(out_channels / groups * kh * kw) when bias
  fn forward(x: [b, in_channels, h, w]) =
    conv_transpose2d(x, weight_norm(weight_v, weight_g), bias, stride, padding, output_padding, groups, dilation)
}

/// `ConvTranspose3d` by weight norm: weight_g [in, 1, 1, 1, 1], weight_v [in, out / groups, kd, kh, kw], bias [out].
export layer WeightNormConvTranspose3d(in_channels: int, out_channels: int, kernel_size: Triple, stride: Triple = 1,
                                       padding: Triple = 0, output_padding: Triple = 0, groups: int = 1,
                                       bias: bool = true, dilation: Triple = 1)
  requires out_channels % groups == 0, in_channels % groups == 0 {
  let (kd, kh, kw) = triple(kernel_size)
  param weight_g: [in_channels, 1, 1, 1, 1] = ones()
  param weight_v: [in_channels, out_channels / groups, kd, kh, kw] = kaiming_uniform()
  param bias: [out_channels] = fan_uniform(out_channels / groups * kd * kh * kw) when bias
  fn forward(x: [b, in_channels, d, h, w]) =
    conv_transpose3d(x, weight_norm(weight_v, weight_g), bias, stride, padding, output_padding, groups, dilation)
}
