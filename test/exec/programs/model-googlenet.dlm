// exec: b=2 h=33 w=32
// A narrow GoogLeNet answers.
import { GoogLeNet } from "std/models"

export model Narrow() {
  let net = GoogLeNet(classes=3, width=8, in_channels=1)
  export fn forward(x: [b, 1, h, w]) -> [b, 3] requires h >= 32, w >= 32 = net(x)
}
