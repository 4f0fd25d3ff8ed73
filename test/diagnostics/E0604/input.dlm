import { BatchNorm1d, Linear } from "std/nn"
import { SGD } from "std/optim"

export model Net() {
  let norm = BatchNorm1d(4)
  let fc = Linear(4, 3)
  export fn forward(x: [b, 4]) -> [b, 3] = x |> norm |> fc
}

export train Fit(net: Net) {
  batch x: f32[b, 4], view: f32[b, 4], y: i32[b]
  let logits = net(x)
  let warm = net(view)
  step only { minimize cross_entropy(logits, y) using SGD() }
}
