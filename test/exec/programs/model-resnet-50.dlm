// exec: b=2 h=16 w=16 y<3
// Narrow and shallow: a ResNet of bottlenecks trains, a deeper one only answers.
import { ResNet50, ResNet101, ResNetFeatures } from "std/models"
import { Bottleneck } from "std/nn"
import { SGD } from "std/optim"

export model Deeper() {
  let net = ResNet101(classes=3, width=2, layers=[1, 1, 1, 1], in_channels=1, small_images=true)
  export fn forward(x: [b, 1, h, w]) -> [b, 3] = net(x)
}
export train Fit(net: ResNet50 = ResNet50(classes=3, width=2, layers=[1, 1, 1, 1], in_channels=1, small_images=true)) {
  batch x: f32[b, 1, h, w], y: i32[b]
  minimize cross_entropy(net(x), y) using SGD(lr=0.01)
}

/// The maps that a detector reads.
export model Maps() {
  let net = ResNetFeatures(fn (inplanes: int, planes: int, stride: int) => Bottleneck(inplanes, planes, stride), 4, [1, 1, 1, 1],
                           width=2, in_channels=1, small_images=true)
  export fn forward(x: [b, 1, h, w]) -> (fine: [b, 8, h, w], coarse: [b, 64, _, _]) {
    let maps = net.maps(x)
    (fine=maps[0], coarse=maps[3])
  }
}
