// Convolutions. Output length: ⌊(n + 2 · padding - dilation · (k - 1) - 1) / stride⌋ + 1; "same" gives ⌈n / stride⌉.
import { kaiming_uniform, fan_uniform } from "std/init"

type Pair = int | (int, int)
type Triple = int | (int, int, int)

/// Length of a convolution's output: a static function, for types.
export fn conv_out(n: int, k: int, s: int, d: int, p: int | str | (int, int)) -> int =
  if kind(p) == "str" {
    if p == "same" { ceil_div(n, s) } else if p == "valid" { floor_div(n - d * (k - 1) - 1, s) + 1 } else { floor_div(n - 1, s) + 1 }
  } else if kind(p) == "tuple" { floor_div(n + p[0] + p[1] - d * (k - 1) - 1, s) + 1 }
  else { floor_div(n + 2 * p - d * (k - 1) - 1, s) + 1 }

/// Length of a transposed convolution's output.
export fn conv_transpose_out(n: int, k: int, s: int, d: int, p: int, extra: int) -> int =
  (n - 1) * s - 2 * p + d * (k - 1) + extra + 1

/// Convolution of [b, in, l]. weight: [out, in / groups, k], bias: [out]. `padding`: a number, (before, after),
/// "valid", "same", or "causal": no output sees what comes after it.
export layer Conv1d(in_channels: int, out_channels: int, kernel_size: int, stride: int = 1,
                    padding: int | (int, int) | "same" | "valid" | "causal" = 0, dilation: int = 1, groups: int = 1,
                    bias: bool = true)
  requires out_channels % groups == 0, in_channels % groups == 0 {
  param weight: [out_channels, in_channels / groups, kernel_size] = kaiming_uniform()
  param bias: [out_channels] = fan_uniform(in_channels / groups * kernel_size) when bias

  fn forward(x: [b, in_channels, l]) -> [b, out_channels, conv_out(l, kernel_size, stride, dilation, padding)] {
    let y = conv(x, weight, stride=stride, padding=(padding,), dilation=dilation, groups=groups)
    if bias != none { y + rearrange[c -> c 1](bias) } else { y }
  }
}

/// Convolution of [b, in, h, w]. weight: [out, in / groups, kh, kw], bias: [out].
export layer Conv2d(in_channels: int, out_channels: int, kernel_size: Pair, stride: Pair = 1,
                    padding: Pair | "same" | "valid" = 0, dilation: Pair = 1, groups: int = 1, bias: bool = true)
  requires out_channels % groups == 0, in_channels % groups == 0 {
  let (kh, kw) = pair(kernel_size)
  let (sh, sw) = pair(stride)
  let (dh, dw) = pair(dilation)
  let (ph, pw) = pair(padding)
  param weight: [out_channels, in_channels / groups, kh, kw] = kaiming_uniform()
  param bias: [out_channels] = fan_uniform(in_channels / groups * kh * kw) when bias

  fn forward(x: [b, in_channels, h, w])
    -> [b, out_channels, conv_out(h, kh, sh, dh, ph), conv_out(w, kw, sw, dw, pw)] {
    let y = conv(x, weight, stride=(sh, sw), padding=(ph, pw), dilation=(dh, dw), groups=groups)
    if bias != none { y + rearrange[c -> c 1 1](bias) } else { y }
  }
}

/// Convolution of [b, in, d, h, w]. weight: [out, in / groups, kd, kh, kw], bias: [out].
export layer Conv3d(in_channels: int, out_channels: int, kernel_size: Triple, stride: Triple = 1,
                    padding: Triple | "same" | "valid" = 0, dilation: Triple = 1, groups: int = 1, bias: bool = true)
  requires out_channels % groups == 0, in_channels % groups == 0 {
  let (kd, kh, kw) = triple(kernel_size)
  let (sd, sh, sw) = triple(stride)
  let (dd, dh, dw) = triple(dilation)
  let (pd, ph, pw) = triple(padding)
  param weight: [out_channels, in_channels / groups, kd, kh, kw] = kaiming_uniform()
  param bias: [out_channels] = fan_uniform(in_channels / groups * kd * kh * kw) when bias

  fn forward(x: [b, in_channels, d, h, w])
    -> [b, out_channels, conv_out(d, kd, sd, dd, pd), conv_out(h, kh, sh, dh, ph), conv_out(w, kw, sw, dw, pw)] {
    let y = conv(x, weight, stride=(sd, sh, sw), padding=(pd, ph, pw), dilation=(dd, dh, dw), groups=groups)
    if bias != none { y + rearrange[c -> c 1 1 1](bias) } else { y }
  }
}

/// Transposed convolution of [b, in, l]. weight: [in, out / groups, k], bias: [out].
export layer ConvTranspose1d(in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, padding: int = 0,
                             output_padding: int = 0, groups: int = 1, bias: bool = true, dilation: int = 1)
  requires out_channels % groups == 0, in_channels % groups == 0 {
  param weight: [in_channels, out_channels / groups, kernel_size] = kaiming_uniform()
  param bias: [out_channels] = fan_uniform(out_channels / groups * kernel_size) when bias

  fn forward(x: [b, in_channels, l])
    -> [b, out_channels, conv_transpose_out(l, kernel_size, stride, dilation, padding, output_padding)] {
    let y = conv_transpose(x, weight, stride=stride, padding=padding, output_padding=output_padding, groups=groups,
                           dilation=dilation)
    if bias != none { y + rearrange[c -> c 1](bias) } else { y }
  }
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
    -> [b, out_channels, conv_transpose_out(h, kh, sh, dh, ph, oh), conv_transpose_out(w, kw, sw, dw, pw, ow)] {
    let y = conv_transpose(x, weight, stride=(sh, sw), padding=(ph, pw), output_padding=(oh, ow), groups=groups,
                           dilation=(dh, dw))
    if bias != none { y + rearrange[c -> c 1 1](bias) } else { y }
  }
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
        conv_transpose_out(w, kw, sw, dw, pw, ow)] {
    let y = conv_transpose(x, weight, stride=(sd, sh, sw), padding=(pd, ph, pw), output_padding=(od, oh, ow),
                           groups=groups, dilation=(dd, dh, dw))
    if bias != none { y + rearrange[c -> c 1 1 1](bias) } else { y }
  }
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
