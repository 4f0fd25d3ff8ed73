// exec: b=1 h=4 w=8 y<2 UNet.base=2 UNet.depth=2
// U-Net: skips as a list threaded through a fold
import { Conv2d, ConvTranspose2d, BatchNorm2d, max_pool2d } from "std/nn"
import { SGD } from "std/optim"

layer DoubleConv(cin: int, cout: int) {
  let conv1 = Conv2d(cin, cout, 3, padding=1, bias=false)
  let bn1   = BatchNorm2d(cout)
  let conv2 = Conv2d(cout, cout, 3, padding=1, bias=false)
  let bn2   = BatchNorm2d(cout)
  fn forward(x: [b, cin, h, w]) -> [b, cout, h, w] = x |> conv1 |> bn1 |> relu |> conv2 |> bn2 |> relu
}

layer Up(cin: int, cout: int) {
  let up   = ConvTranspose2d(cin, cout, 2, stride=2)
  let conv = DoubleConv(2 * cout, cout)
  fn forward(x: [b, cin, h, w], skip: [b, cout, 2 * h, 2 * w]) -> [b, cout, 2 * h, 2 * w] =
    concat([skip, up(x)], axis=1) |> conv
}

export model UNet(channels: int = 3, classes: int = 2, base: int = 64, depth: int = 4) {
  let stem = DoubleConv(channels, base)
  let down = for i in 0..depth => DoubleConv(base * 2 ^ i, base * 2 ^ (i + 1))
  let up   = for i in 0..depth => Up(base * 2 ^ (depth - i), base * 2 ^ (depth - i - 1))
  let head = Conv2d(base, classes, 1)

  export fn forward(x: [b, channels, h, w]) -> [b, classes, h, w]
    requires h % 2 ^ depth == 0, w % 2 ^ depth == 0 {
    let (x, skips) = fold (x, skips) = (stem(x), []) over f in down => (f(max_pool2d(x, 2)), append(skips, x))
    let x = fold x = x over (f, skip) in zip(up, reverse(skips)) => f(x, skip)
    head(x)
  }
}

export train Fit(net: UNet) {
  batch x: f32[b, 3, h, w], y: i32[b, h, w]
  minimize cross_entropy(rearrange[b c h w -> b h w c](net(x)), y) using SGD(lr=0.1)
}
