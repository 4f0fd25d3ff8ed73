import { ResNet50 } from "std/models"
import { SGD } from "std/optim"

export train Fit(net: ResNet50 = ResNet50(), lr: f32[] = 0.1) {
  batch x: [b, 3, h, w], y: i32[b]
  minimize cross_entropy(net(x), y) using SGD(lr=lr, momentum=0.9)
}
