// Three networks that say of every pixel of a 32×32 picture which shape it belongs to, if any.
import { FCN, UNet, DeepLabV3Plus } from "std/models"
import { mean_iou } from "std/metric"
import { AdamW, cosine } from "std/optim"

const classes = 4
const side = 32
type Images = f32[b, 1, side, side]
type Masks = i32[b, side, side]

export model Fcn() {
  let net = FCN(classes, width=12, stages=[1, 2, 4, 4], scored=4, in_channels=1)
  export fn forward(x: Images) -> [b, classes, side, side] = net(x)
  export fn predict(x: Images) -> Masks = argmax(net(x), axis=1)
}
export model Unet() {
  let net = UNet(classes, width=8, depth=3, in_channels=1)
  export fn forward(x: Images) -> [b, classes, side, side] = net(x)
  export fn predict(x: Images) -> Masks = argmax(net(x), axis=1)
}
export model DeepLab() {
  let net = DeepLabV3Plus(classes, width=8, rates=[1, 2, 3], pyramid=16, low=8, in_channels=1, small_images=true)
  export fn forward(x: Images) -> [b, classes, side, side] = net(x)
  export fn predict(x: Images) -> Masks = argmax(net(x), axis=1)
}

fn loss(logits: [b, classes, side, side], mask: Masks) -> [] = cross_entropy(rearrange[b c h w -> b h w c](logits), mask)
fn iou(logits: [b, classes, side, side], mask: Masks) -> [] = mean_iou(argmax(logits, axis=1), mask, classes)

export train FitFcn(net: Fcn, lr: f32[] = 1e-2, total: i32[] = 200) {
  batch x: Images, mask: Masks
  let logits = net(x)
  minimize loss(logits, mask) using AdamW(lr=cosine(lr, total, warmup=10))
  metric iou = iou(logits, mask)
}
export train FitUnet(net: Unet, lr: f32[] = 1e-2, total: i32[] = 200) {
  batch x: Images, mask: Masks
  let logits = net(x)
  minimize loss(logits, mask) using AdamW(lr=cosine(lr, total, warmup=10))
  metric iou = iou(logits, mask)
}
export train FitDeepLab(net: DeepLab, lr: f32[] = 1e-2, total: i32[] = 200) {
  batch x: Images, mask: Masks
  let logits = net(x)
  minimize loss(logits, mask) using AdamW(lr=cosine(lr, total, warmup=10))
  metric iou = iou(logits, mask)
}
