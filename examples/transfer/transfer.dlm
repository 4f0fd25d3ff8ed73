// Four new classes for a backbone that knows others: first only a new head learns, then everything.
import { ResNetFeatures } from "std/models"
import { BasicBlock, Linear } from "std/nn"
import { AdamW } from "std/optim"

fn backbone() = ResNetFeatures(fn (inplanes: int, planes: int, stride: int) => BasicBlock(inplanes, planes, stride),
                               1, [1, 1, 1, 1], width=8, in_channels=1, small_images=true)

/// The backbone stays as it was loaded: no gradient moves it, and no batch its norms' statistics.
export model Frozen(classes: int = 4) {
  @freeze let backbone = backbone()
  let head = Linear(64, classes)
  export fn forward(x: [b, 1, 16, 16]) -> [b, classes] = head((backbone with { training=false })(x))
  export fn predict(x: [b, 1, 16, 16]) -> i32[b] = argmax(forward(x), axis=-1)
}

/// The same weights, all of which learn.
export model Open(classes: int = 4) {
  let backbone = backbone()
  let head = Linear(64, classes)
  export fn forward(x: [b, 1, 16, 16]) -> [b, classes] = head(backbone(x))
  export fn predict(x: [b, 1, 16, 16]) -> i32[b] = argmax(forward(x), axis=-1)
}

export train FitHead(net: Frozen, lr: f32[] = 1e-2) {
  batch x: f32[b, 1, 16, 16], y: i32[b]
  minimize cross_entropy(net(x), y) using AdamW(lr=lr)
}

/// A low rate, so that what was learned before is not forgotten at once.
export train FitAll(net: Open, lr: f32[] = 5e-4) {
  batch x: f32[b, 1, 16, 16], y: i32[b]
  minimize cross_entropy(net(x), y) using AdamW(lr=lr)
}
