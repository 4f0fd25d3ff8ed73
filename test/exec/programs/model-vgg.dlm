// exec: b=2 h=33 w=32 y<3
// Narrow VGG networks: one trains, the deeper one only answers.
import { Vgg11, Vgg16 } from "std/models"
import { SGD } from "std/optim"

export model Deeper() {
  let net = Vgg16(classes=3, width=1, hidden=4, in_channels=1)
  export fn forward(x: [b, 1, h, w]) -> [b, 3] requires h >= 32, w >= 32 = net(x)
}
export train Fit(net: Vgg11 = Vgg11(classes=3, width=1, hidden=4, in_channels=1)) {
  batch x: f32[b, 1, h, w], y: i32[b]
  minimize cross_entropy(net(x), y) using SGD(lr=0.05)
}
