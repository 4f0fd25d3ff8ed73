import { Conv2d } from "std/nn"

/// A 3×3 convolution as in the first stage of a ResNet.
export model Conv(c: int = 64, n: int = 56) {
  let conv = Conv2d(c, c, 3, padding=1)
  export fn forward(x: [1, c, n, n]) -> [1, c, n, n] = conv(x)
  export fn hold(x: [1, c, n, n]) -> [1, c, n, n] = x
}
