// exec: b=2 h=8 w=8 mask<3
// Narrow and shallow networks for segmentation; the U-Net trains, the others answer.
import { FCN, UNet, DeepLabV3Plus } from "std/models"
import { SGD } from "std/optim"

export model Others() {
  let fcn  = FCN(classes=3, width=2, stages=[1, 2], scored=2, in_channels=1)
  let deep = DeepLabV3Plus(classes=3, width=2, rates=[1, 2], pyramid=3, low=2, in_channels=1, small_images=true, dropout=0.0)
  export fn forward(x: [b, 1, h, w]) -> (fcn: [b, 3, h, w], deep: [b, 3, h, w]) requires h >= 4, w >= 4 =
    (fcn=fcn(x), deep=deep(x))
}
export train Fit(net: UNet = UNet(classes=3, width=2, depth=1, in_channels=1)) {
  batch x: f32[b, 1, h, w], mask: i32[b, h, w]
  minimize cross_entropy(rearrange[b c h w -> b h w c](net(x)), mask) using SGD(lr=0.01)
}
