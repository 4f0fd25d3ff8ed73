// exec: b=2 y<3
// A narrow VitB16.
import { VitB16 } from "std/models"
import { SGD } from "std/optim"

export train Fit(net: VitB16 = VitB16(classes=3, image_size=8, patch=4, d=8, heads=2, depth=2, in_channels=1)) {
  batch x: f32[b, 1, 8, 8], y: i32[b]
  minimize cross_entropy(net(x), y) using SGD(lr=0.05, momentum=0.9)
}
