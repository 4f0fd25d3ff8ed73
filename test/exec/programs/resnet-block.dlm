// exec: b=2 h=5 w=4 y<3
// Conv2d with "same" padding, and a ResNet basic block
import { Linear, global_avg_pool } from "std/nn"
import { kaiming_uniform } from "std/init"
import { SGD } from "std/optim"

type Pair = int | (int, int)
type Padding = Pair | "same" | "valid"

/// Static function: usable inside types.
fn conv_out(n: int, k: int, s: int, d: int, p: int | "same" | "valid") -> int =
  if p == "same" { ceil_div(n, s) }
  else if p == "valid" { floor_div(n - d * (k - 1) - 1, s) + 1 }
  else { floor_div(n + 2 * p - d * (k - 1) - 1, s) + 1 }

export layer Conv2d(in_channels: int, out_channels: int, kernel_size: Pair, stride: Pair = 1, padding: Padding = 0,
                    dilation: Pair = 1, groups: int = 1, bias: bool = true)
  requires out_channels % groups == 0 {
  let (kh, kw) = pair(kernel_size)
  let (sh, sw) = pair(stride)
  let (dh, dw) = pair(dilation)
  let (ph, pw) = pair(padding)
  param weight: [out_channels, in_channels / groups, kh, kw] = kaiming_uniform()
  param bias: [out_channels] = zeros() when bias

  fn forward(x: [b, in_channels, h, w])
    -> [b, out_channels, conv_out(h, kh, sh, dh, ph), conv_out(w, kw, sw, dw, pw)] {
    let y = conv(x, weight, stride=(sh, sw), padding=(ph, pw), dilation=(dh, dw), groups=groups)
    if bias != none { y + rearrange[c -> c 1 1](bias) } else { y }
  }
}

export layer BasicBlock(inplanes: int, planes: int, stride: int = 1) {
  let conv1 = Conv2d(inplanes, planes, 3, stride=stride, padding=1, bias=false)
  let bn1   = BatchNorm2d(planes)
  let conv2 = Conv2d(planes, planes, 3, padding=1, bias=false)
  let bn2   = BatchNorm2d(planes)
  let same  = stride == 1 && inplanes == planes
  let downsample = if same { none } else { [Conv2d(inplanes, planes, 1, stride=stride, bias=false), BatchNorm2d(planes)] }

  fn forward(x: [b, inplanes, h, w]) -> [b, planes, ceil_div(h, stride), ceil_div(w, stride)] {
    let y = x |> conv1 |> bn1 |> relu |> conv2 |> bn2
    let skip = if downsample != none { fold x = x over f in downsample => f(x) } else { x }
    relu(y + skip)
  }
}

/// What `state` looks like from inside.
export layer BatchNorm2d(num_features: int, eps: real = 1e-5, momentum: real = 0.1) {
  param weight: [num_features] = ones()
  param bias: [num_features] = zeros()
  state running_mean: f32[num_features] = zeros()
  state running_var:  f32[num_features] = ones()

  fn forward(x: [b, num_features, h, w]) -> [b, num_features, h, w] {
    let (mean, var) = if training { moments(f32(x), axes=[0, 2, 3]) } else { (running_mean, running_var) }
    let n = b * h * w
    update running_mean = lerp(running_mean, mean, momentum) when training
    update running_var  = lerp(running_var, var * n / max(n - 1, 1), momentum) when training
    let c = fn(v: [num_features]) => rearrange[num_features -> num_features 1 1](v)
    (x - c(mean)) * c(weight * rsqrt(var + eps)) + c(bias)
  }
}

export model Net(classes: int = 3) {
  let stem = Conv2d(2, 3, 3, padding="same")
  let a    = BasicBlock(3, 3)
  let c    = BasicBlock(3, 4, stride=2)
  let fc   = Linear(4, classes)
  export fn forward(x: [b, 2, h, w]) -> [b, classes] = x |> stem |> a |> c |> global_avg_pool |> fc
}

export train Fit(net: Net) {
  batch x: f32[b, 2, h, w], y: i32[b]
  minimize cross_entropy(net(x), y) using SGD(lr=0.05, momentum=0.9)
}
