// A small convolutional encoder of grey images, whatever their size: what it sees, averaged over each quarter.
import { BatchNorm2d, Conv2d, MaxPool2d, adaptive_avg_pool2d } from "std/nn"

export model Eye(width: int = 12) {
  let conv1 = Conv2d(1, width, 3, padding=1, bias=false)
  let conv2 = Conv2d(width, 2 * width, 3, padding=1, bias=false)
  let conv3 = Conv2d(2 * width, 2 * width, 3, padding=1, bias=false)
  let norm1 = BatchNorm2d(width)
  let norm2 = BatchNorm2d(2 * width)
  let norm3 = BatchNorm2d(2 * width)
  let pool  = MaxPool2d(2)
  export fn maps(x: [b, 1, h, w]) -> [b, 2 * width, h / 2, w / 2] requires h % 2 == 0, w % 2 == 0 =
    x |> conv1 |> norm1 |> relu |> conv2 |> norm2 |> relu |> pool |> conv3 |> norm3 |> relu
  export fn features(x: [b, 1, h, w]) -> [b, 8 * width] requires h % 4 == 0, w % 4 == 0 =
    reshape(adaptive_avg_pool2d(maps(x), 2), [b, 8 * width])
  /// An image patch by patch: each of nine is seen by itself.
  export fn patches(x: [b, 1, 12, 12]) -> [b, 18 * width] {
    let cut = rearrange[b c (i p) (j q) -> (b i j) c p q](x, p=4, q=4)
    rearrange[(b i j) c -> b (i j c)](mean(maps(cut), axis=[2, 3]), i=3, j=3)
  }
}
