import { Linear } from "std/nn"
import { Adam } from "std/optim"

export model Mlp() {
  let fc = Linear(4, 3)
  export fn forward(x: [b, 4]) -> [b, 3] = fc(x)
}

export train Fit(net: Mlp) {
  batch x: f32[b, 4], y: i32[b]
  let logits = net(x)
  minimize cross_entropy(logits, y) using Adam()
  metric accuracy = mean(f32(logits == y))
}

fn shift(x: [b], y: i32[b]) -> [b] = x + y
