// exec: b=2 h=63 w=64 y<3
// A narrow AlexNet.
import { AlexNet } from "std/models"
import { SGD } from "std/optim"

export train Fit(net: AlexNet = AlexNet(classes=3, width=2, hidden=5, in_channels=1)) {
  batch x: f32[b, 1, h, w], y: i32[b]
  minimize cross_entropy(net(x), y) using SGD(lr=0.05, momentum=0.9)
}
