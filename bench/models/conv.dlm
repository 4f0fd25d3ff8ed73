import { Conv2d } from "std/nn"

/// A 3×3 convolution as in the stages of a ResNet, or of each channel by itself.
export model Conv(c: int = 64, n: int = 56, groups: int = 1) {
  let conv = Conv2d(c, c, 3, padding=1, groups=groups)
  export fn forward(x: [1, c, n, n]) -> [1, c, n, n] = conv(x)
  export fn hold(x: [1, c, n, n]) -> [1, c, n, n] = x
}
