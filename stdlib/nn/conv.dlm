// Convolutions. Output length: ⌊(n + 2 · padding - dilation · (k - 1) - 1) / stride⌋ + 1; "same" gives ⌈n / stride⌉.
import { kaiming_uniform, fan_uniform } from "std/init"
import { conv_margins, pad_axis } from "std/nn/padding"

type Pair = int | (int, int)
type Triple = int | (int, int, int)
type PaddingMode = "zeros" | "reflect" | "replicate" | "circular"

/// Length of a convolution's output: a static function, for types.
export fn conv_out(n: int, k: int, s: int, d: int, p: int | str | (int, int)) -> int =
  if kind(p) == "str" {
    if p == "same" { ceil_div(n, s) } else if p == "valid" { floor_div(n - d * (k - 1) - 1, s) + 1 } else { floor_div(n - 1, s) + 1 }
  } else if kind(p) == "tuple" { floor_div(n + p[0] + p[1] - d * (k - 1) - 1, s) + 1 }
  else { floor_div(n + 2 * p - d * (k - 1) - 1, s) + 1 }

/// Length of a transposed convolution's output.
export fn conv_transpose_out(n: int, k: int, s: int, d: int, p: int, extra: int) -> int =
  (n - 1) * s - 2 * p + d * (k - 1) + extra + 1

// Any number of axes. Stride, padding and dilation are lists, one element per axis.
fn convolved(x: [b, c, ...s], weight: [o, g, ...k], bias: [o]?, stride: list, padding: list, dilation: list, groups: int, mode: PaddingMode) {
  let wide = if mode == "zeros" { x } else {
    fold x = x over i in 0..len(padding) => {
      let (before, after) = conv_margins(padding[i], shape(weight)[2 + i], dilation[i])
      pad_axis(x, before, after, axis=2 + i, mode=mode)
    }
  }
  let y = conv(wide, weight, stride=stride, padding=if mode == "zeros" { padding } else { 0 }, dilation=dilation, groups=groups)
  biased(y, bias)
}

fn biased(y: [b, o, ...s], bias: [o]?) = if bias != none { y + reshape(bias, [o] + (for i in 2..rank(y) => 1)) } else { y }

/// Convolution of [b, in, l] with a weight [out, in / groups, k]. What is padded around x: "zeros", or x itself by
/// "reflect", "replicate" or "circular" (then "same" needs a stride of 1).
export fn conv1d(x: [b, c, l], weight: [o, g, k], bias: [o]? = none, stride: int = 1,
                 padding: int | (int, int) | "same" | "valid" | "causal" = 0, dilation: int = 1, groups: int = 1,
                 padding_mode: PaddingMode = "zeros")
  requires padding_mode == "zeros" || padding != "same" || stride == 1 =
  convolved(x, weight, bias, [stride], [padding], [dilation], groups, padding_mode)

/// Convolution of [b, in, h, w] with a weight [out, in / groups, kh, kw].
export fn conv2d(x: [b, c, h, w], weight: [o, g, kh, kw], bias: [o]? = none, stride: Pair = 1,
                 padding: Pair | "same" | "valid" = 0, dilation: Pair = 1, groups: int = 1, padding_mode: PaddingMode = "zeros")
  requires padding_mode == "zeros" || padding != "same" || pair(stride) == (1, 1) {
  let (sh, sw) = pair(stride)
  let (dh, dw) = pair(dilation)
  let (ph, pw) = pair(padding)
  convolved(x, weight, bias, [sh, sw], [ph, pw], [dh, dw], groups, padding_mode)
}

/// Convolution of [b, in, d, h, w] with a weight [out, in / groups, kd, kh, kw].
export fn conv3d(x: [b, c, d, h, w], weight: [o, g, kd, kh, kw], bias: [o]? = none, stride: Triple = 1,
                 padding: Triple | "same" | "valid" = 0, dilation: Triple = 1, groups: int = 1, padding_mode: PaddingMode = "zeros")
  requires padding_mode == "zeros" || padding != "same" || triple(stride) == (1, 1, 1) {
  let (sd, sh, sw) = triple(stride)
  let (dd, dh, dw) = triple(dilation)
  let (pd, ph, pw) = triple(padding)
  convolved(x, weight, bias, [sd, sh, sw], [pd, ph, pw], [dd, dh, dw], groups, padding_mode)
}

/// Transposed convolution of [b, in, l] with a weight [in, out / groups, k].
export fn conv_transpose1d(x: [b, c, l], weight: [c, g, k], bias: [o]? = none, stride: int = 1, padding: int = 0,
                           output_padding: int = 0, groups: int = 1, dilation: int = 1) =
  biased(conv_transpose(x, weight, stride=stride, padding=padding, output_padding=output_padding, groups=groups, dilation=dilation), bias)

/// Transposed convolution of [b, in, h, w] with a weight [in, out / groups, kh, kw].
export fn conv_transpose2d(x: [b, c, h, w], weight: [c, g, kh, kw], bias: [o]? = none, stride: Pair = 1, padding: Pair = 0,
                           output_padding: Pair = 0, groups: int = 1, dilation: Pair = 1) =
  biased(conv_transpose(x, weight, stride=pair(stride), padding=pair(padding), output_padding=pair(output_padding), groups=groups,
                        dilation=pair(dilation)), bias)

/// Transposed convolution of [b, in, d, h, w] with a weight [in, out / groups, kd, kh, kw].
export fn conv_transpose3d(x: [b, c, d, h, w], weight: [c, g, kd, kh, kw], bias: [o]? = none, stride: Triple = 1,
                           padding: Triple = 0, output_padding: Triple = 0, groups: int = 1, dilation: Triple = 1) =
  biased(conv_transpose(x, weight, stride=triple(stride), padding=triple(padding), output_padding=triple(output_padding),
                        groups=groups, dilation=triple(dilation)), bias)

/// Convolution of [b, in, l]. weight: [out, in / groups, k], bias: [out]. `padding`: a number, (before, after),
/// "valid", "same", or "causal": no output sees what comes after it. `padding_mode` as in `conv1d`.
export layer Conv1d(in_channels: int, out_channels: int, kernel_size: int, stride: int = 1,
                    padding: int | (int, int) | "same" | "valid" | "causal" = 0, dilation: int = 1, groups: int = 1,
                    bias: bool = true, padding_mode: PaddingMode = "zeros")
  requires out_channels % groups == 0, in_channels % groups == 0 {
  param weight: [out_channels, in_channels / groups, kernel_size] = kaiming_uniform()
  param bias: [out_channels] = fan_uniform(in_channels / groups * kernel_size) when bias

  fn forward(x: [b, in_channels, l]) -> [b, out_channels, conv_out(l, kernel_size, stride, dilation, padding)] =
    conv1d(x, weight, bias, stride, padding, dilation, groups, padding_mode)
}

/// Convolution of [b, in, h, w]. weight: [out, in / groups, kh, kw], bias: [out].
export layer Conv2d(in_channels: int, out_channels: int, kernel_size: Pair, stride: Pair = 1,
                    padding: Pair | "same" | "valid" = 0, dilation: Pair = 1, groups: int = 1, bias: bool = true,
                    padding_mode: PaddingMode = "zeros")
  requires out_channels % groups == 0, in_channels % groups == 0 {
  let (kh, kw) = pair(kernel_size)
  let (sh, sw) = pair(stride)
  let (dh, dw) = pair(dilation)
  let (ph, pw) = pair(padding)
  param weight: [out_channels, in_channels / groups, kh, kw] = kaiming_uniform()
  param bias: [out_channels] = fan_uniform(in_channels / groups * kh * kw) when bias

  fn forward(x: [b, in_channels, h, w])
    -> [b, out_channels, conv_out(h, kh, sh, dh, ph), conv_out(w, kw, sw, dw, pw)] =
    conv2d(x, weight, bias, stride, padding, dilation, groups, padding_mode)
}

/// Convolution of [b, in, d, h, w]. weight: [out, in / groups, kd, kh, kw], bias: [out].
export layer Conv3d(in_channels: int, out_channels: int, kernel_size: Triple, stride: Triple = 1,
                    padding: Triple | "same" | "valid" = 0, dilation: Triple = 1, groups: int = 1, bias: bool = true,
                    padding_mode: PaddingMode = "zeros")
  requires out_channels % groups == 0, in_channels % groups == 0 {
  let (kd, kh, kw) = triple(kernel_size)
  let (sd, sh, sw) = triple(stride)
  let (dd, dh, dw) = triple(dilation)
  let (pd, ph, pw) = triple(padding)
  param weight: [out_channels, in_channels / groups, kd, kh, kw] = kaiming_uniform()
  param bias: [out_channels] = fan_uniform(in_channels / groups * kd * kh * kw) when bias

  fn forward(x: [b, in_channels, d, h, w])
    -> [b, out_channels, conv_out(d, kd, sd, dd, pd), conv_out(h, kh, sh, dh, ph), conv_out(w, kw, sw, dw, pw)] =
    conv3d(x, weight, bias, stride, padding, dilation, groups, padding_mode)
}

/// Transposed convolution of [b, in, l]. weight: [in, out / groups, k], bias: [out].
export layer ConvTranspose1d(in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, padding: int = 0,
                             output_padding: int = 0, groups: int = 1, bias: bool = true, dilation: int = 1)
  requires out_channels % groups == 0, in_channels % groups == 0 {
  param weight: [in_channels, out_channels / groups, kernel_size] = kaiming_uniform()
  param bias: [out_channels] = fan_uniform(out_channels / groups * kernel_size) when bias

  fn forward(x: [b, in_channels, l])
    -> [b, out_channels, conv_transpose_out(l, kernel_size, stride, dilation, padding, output_padding)] =
    conv_transpose1d(x, weight, bias, stride, padding, output_padding, groups, dilation)
}

/// Transposed convolution of [b, in, h, w]. weight: [in, out / groups, kh, kw], bias: [out].
export layer ConvTranspose2d(in_channels: int, out_channels: int, kernel_size: Pair, stride: Pair = 1, padding: Pair = 0,
                             output_padding: Pair = 0, groups: int = 1, bias: bool = true, dilation: Pair = 1)
  requires out_channels % groups == 0, in_channels % groups == 0 {
  let (kh, kw) = pair(kernel_size)
  let (sh, sw) = pair(stride)
  let (ph, pw) = pair(padding)
  let (oh, ow) = pair(output_padding)
  let (dh, dw) = pair(dilation)
  param weight: [in_channels, out_channels / groups, kh, kw] = kaiming_uniform()
  param bias: [out_channels] = fan_uniform(out_channels / groups * kh * kw) when bias

  fn forward(x: [b, in_channels, h, w])
    -> [b, out_channels, conv_transpose_out(h, kh, sh, dh, ph, oh), conv_transpose_out(w, kw, sw, dw, pw, ow)] =
    conv_transpose2d(x, weight, bias, stride, padding, output_padding, groups, dilation)
}

/// Transposed convolution of [b, in, d, h, w]. weight: [in, out / groups, kd, kh, kw], bias: [out].
export layer ConvTranspose3d(in_channels: int, out_channels: int, kernel_size: Triple, stride: Triple = 1,
                             padding: Triple = 0, output_padding: Triple = 0, groups: int = 1, bias: bool = true,
                             dilation: Triple = 1)
  requires out_channels % groups == 0, in_channels % groups == 0 {
  let (kd, kh, kw) = triple(kernel_size)
  let (sd, sh, sw) = triple(stride)
  let (pd, ph, pw) = triple(padding)
  let (od, oh, ow) = triple(output_padding)
  let (dd, dh, dw) = triple(dilation)
  param weight: [in_channels, out_channels / groups, kd, kh, kw] = kaiming_uniform()
  param bias: [out_channels] = fan_uniform(out_channels / groups * kd * kh * kw) when bias

  fn forward(x: [b, in_channels, d, h, w])
    -> [b, out_channels, conv_transpose_out(d, kd, sd, dd, pd, od), conv_transpose_out(h, kh, sh, dh, ph, oh),
        conv_transpose_out(w, kw, sw, dw, pw, ow)] =
    conv_transpose3d(x, weight, bias, stride, padding, output_padding, groups, dilation)
}

/// One k × k filter per channel, then a 1 × 1 convolution (Chollet 2017). Paths: `depthwise`, `pointwise`.
export layer DepthwiseSeparableConv2d(in_channels: int, out_channels: int, kernel_size: Pair, stride: Pair = 1,
                                      padding: Pair | "same" | "valid" = 0, dilation: Pair = 1, bias: bool = true) {
  let depthwise = Conv2d(in_channels, in_channels, kernel_size, stride=stride, padding=padding, dilation=dilation,
                         groups=in_channels, bias=bias)
  let pointwise = Conv2d(in_channels, out_channels, 1, bias=bias)
  fn forward(x: [b, in_channels, h, w]) = x |> depthwise |> pointwise
}

/// A k × 1 convolution, then a 1 × k convolution. Paths: `vertical`, `horizontal`.
export layer SpatiallySeparableConv2d(in_channels: int, out_channels: int, kernel_size: int, stride: int = 1,
                                      padding: int = 0, bias: bool = true) {
  let vertical   = Conv2d(in_channels, out_channels, (kernel_size, 1), stride=(stride, 1), padding=(padding, 0), bias=bias)
  let horizontal = Conv2d(out_channels, out_channels, (1, kernel_size), stride=(1, stride), padding=(0, padding), bias=bias)
  fn forward(x: [b, in_channels, h, w]) = x |> vertical |> horizontal
}
