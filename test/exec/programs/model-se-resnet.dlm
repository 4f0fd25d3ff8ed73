// exec: b=2 h=16 w=16 y<3
// A narrow and shallow SE-ResNet.
import { SeResNet } from "std/models"
import { SGD } from "std/optim"

export train Fit(net: SeResNet = SeResNet(classes=3, width=2, reduction=4, layers=[1, 1, 1, 1], in_channels=1,
                                          small_images=true)) {
  batch x: f32[b, 1, h, w], y: i32[b]
  minimize cross_entropy(net(x), y) using SGD(lr=0.01)
}
