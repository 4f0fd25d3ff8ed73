// exec: b=2 h=32 w=32 y<3
// A narrow DenseNet121.
import { DenseNet121 } from "std/models"
import { SGD } from "std/optim"

export train Fit(net: DenseNet121 = DenseNet121(classes=3, growth_rate=2, layers=[1, 2, 2, 1], num_init_features=3, in_channels=1)) {
  batch x: f32[b, 1, h, w], y: i32[b]
  minimize cross_entropy(net(x), y) using SGD(lr=0.05, momentum=0.9)
}
