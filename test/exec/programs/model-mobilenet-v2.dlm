// exec: b=2 h=8 w=8 y<3
// A narrow MobileNetV2.
import { MobileNetV2 } from "std/models"
import { SGD } from "std/optim"

export train Fit(net: MobileNetV2 = MobileNetV2(classes=3, width=4, settings=[(1, 16, 1, 1), (3, 24, 2, 2), (2, 32, 1, 1)], in_channels=1)) {
  batch x: f32[b, 1, h, w], y: i32[b]
  minimize cross_entropy(net(x), y) using SGD(lr=0.05, momentum=0.9)
}
