// Networks that say what every pixel belongs to: [b, in_channels, h, w] -> logits [b, classes, h, w].
import { Conv2d, ConvTranspose2d } from "std/nn/conv"
import { ASPP, BasicBlock, ConvBnReLU } from "std/nn/blocks"
import { interpolate2d } from "std/nn/resize"
import { max_pool2d } from "std/nn/pooling"

// x at height and width of another map.
fn enlarged(x: [b, c, h, w], like: [...]) = interpolate2d(x, (shape(like)[2], shape(like)[3]), mode="bilinear")

// Two 3 × 3 convolutions, each with a norm.
fn double(inputs: int, outputs: int) = [ConvBnReLU(inputs, outputs, 3, padding=1), ConvBnReLU(outputs, outputs, 3, padding=1)]

/// A fully convolutional network (Long et al. 2015): stages of two convolutions, each of which ends at half the size of the
/// one before; the last `scored` of them are scored by 1 × 1 convolutions, coarse scores are enlarged and added to finer
/// ones. `stages` are multiples of `width`. Left alone it is an FCN-8s with norms. Images of 2 ^ stages pixels or more.
export model FCN(classes: int = 21, width: int = 64, stages: list = [1, 2, 4, 8, 8], scored: int = 3, in_channels: int = 3)
  requires scored <= len(stages) {
  let widths = [in_channels] + (for m in stages => m * width)
  let blocks = for i in 0..len(stages) => double(widths[i], widths[i + 1])
  let scores = for i in 0..scored => Conv2d(widths[len(stages) - i], classes, 1)

  export fn forward(x: [b, in_channels, h, w]) -> [b, classes, h, w] requires h >= 2 ^ len(stages), w >= 2 ^ len(stages) {
    let (_, maps) = fold (y, maps) = (x, []) over f in blocks => {
      let y = max_pool2d(f[1](f[0](y)), 2)
      (y, append(maps, y))
    }
    let coarse = reverse(maps)
    let merged = fold y = scores[0](coarse[0]) over i in 1..scored => enlarged(y, coarse[i]) + scores[i](coarse[i])
    enlarged(merged, x)
  }
}

/// U-Net (Ronneberger et al. 2015) with norms and padded convolutions: down `depth` times, doubling the channels, and up
/// again, beside what each level said on the way down. Height and width are multiples of 2 ^ depth.
export model UNet(classes: int = 2, width: int = 64, depth: int = 4, in_channels: int = 3) {
  let down   = for i in 0..depth => double(if i == 0 { in_channels } else { width * 2 ^ (i - 1) }, width * 2 ^ i)
  let bottom = double(width * 2 ^ (depth - 1), width * 2 ^ depth)
  let enlarge = for i in 0..depth => ConvTranspose2d(width * 2 ^ (depth - i), width * 2 ^ (depth - i - 1), 2, stride=2)
  let up     = for i in 0..depth => double(width * 2 ^ (depth - i), width * 2 ^ (depth - i - 1))
  let head   = Conv2d(width, classes, 1)

  export fn forward(x: [b, in_channels, h, w]) -> [b, classes, h, w] requires h % 2 ^ depth == 0, w % 2 ^ depth == 0 {
    let (y, skips) = fold (y, skips) = (x, []) over f in down => {
      let y = f[1](f[0](y))
      (max_pool2d(y, 2), append(skips, y))
    }
    let y = bottom[1](bottom[0](y))
    let y = fold y = y over (e, f) in zip(enlarge, up), skip in reverse(skips) => f[1](f[0](concat([skip, e(y)], axis=1)))
    head(y)
  }
}

/// DeepLab v3+ (Chen et al. 2018) on a small residual encoder: dilated convolutions in a spatial pyramid read the coarse
/// map, and a decoder joins them with a fine one. The coarse map has a quarter of the fine one's height and width; the fine
/// one is as large as the image with `small_images`, else a quarter of it.
export model DeepLabV3Plus(classes: int = 21, width: int = 64, rates: list = [6, 12, 18], pyramid: int = 4 * width,
                           low: int = 48, in_channels: int = 3, small_images: bool = false, dropout: real = 0.1) {
  let stride = if small_images { 1 } else { 2 }
  let stem   = ConvBnReLU(in_channels, width, 3, stride=stride, padding=1)
  let layer1 = BasicBlock(width, width, stride)
  let layer2 = BasicBlock(width, 2 * width, 2)
  let layer3 = BasicBlock(2 * width, 4 * width, 2)
  let aspp   = ASPP(4 * width, rates, pyramid, dropout)
  let reduce_low = ConvBnReLU(width, low, 1)
  let decoder = ConvBnReLU(pyramid + low, pyramid, 3, padding=1)
  let head   = Conv2d(pyramid, classes, 1)

  export fn forward(x: [b, in_channels, h, w]) -> [b, classes, h, w] {
    let fine = x |> stem |> layer1
    let coarse = fine |> layer2 |> layer3 |> aspp
    let joined = concat([enlarged(coarse, fine), reduce_low(fine)], axis=1)
    enlarged(head(decoder(joined)), x)
  }
}
