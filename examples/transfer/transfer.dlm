// Four new classes for a backbone that knows others: first only a new head learns, then everything.
import { ConvBnReLU, Linear, global_avg_pool, max_pool2d } from "std/nn"
import { AdamW } from "std/optim"

/// Three blocks, halved in size between them. Paths: `blocks.0.conv.weight`, `blocks.0.bn.weight`, ….
layer Backbone(width: int = 16) {
  let blocks = [ConvBnReLU(1, width, 3, padding=1), ConvBnReLU(width, 2 * width, 3, padding=1),
                ConvBnReLU(2 * width, 4 * width, 3, padding=1)]
  fn forward(x: [b, 1, 16, 16]) -> [b, 4 * width] =
    x |> blocks[0] |> max_pool2d(2) |> blocks[1] |> max_pool2d(2) |> blocks[2] |> global_avg_pool
}

/// The backbone stays as it was loaded: no gradient moves it, and no batch its norms' statistics.
export model Frozen(width: int = 16, classes: int = 4) {
  @freeze let backbone = Backbone(width)
  let head = Linear(4 * width, classes)
  export fn forward(x: [b, 1, 16, 16]) -> [b, classes] = head((backbone with { training=false })(x))
  export fn predict(x: [b, 1, 16, 16]) -> i32[b] = argmax(forward(x), axis=-1)
}

/// The same weights, all of which learn.
export model Open(width: int = 16, classes: int = 4) {
  let backbone = Backbone(width)
  let head = Linear(4 * width, classes)
  export fn forward(x: [b, 1, 16, 16]) -> [b, classes] = head(backbone(x))
  export fn predict(x: [b, 1, 16, 16]) -> i32[b] = argmax(forward(x), axis=-1)
}

export train FitHead(net: Frozen, lr: f32[] = 3e-2) {
  batch x: f32[b, 1, 16, 16], y: i32[b]
  minimize cross_entropy(net(x), y) using AdamW(lr=lr)
}

/// At a low rate, so that what was learned before is not forgotten at once.
export train FitAll(net: Open, lr: f32[] = 2e-3) {
  batch x: f32[b, 1, 16, 16], y: i32[b]
  minimize cross_entropy(net(x), y) using AdamW(lr=lr)
}
