import { Linear } from "std/nn"
import { SGD } from "std/optim"

model Net(d: int = 4) {
  let head = Linear(d, 3)
  export fn forward(x: [b, d]) -> [b, 3] = head(x)
}

train Fit(net: Net) {
  batch x: f32[b, net.d], y: i32[b]
  let logits = net(x)
  minimize cross_entropy(logits, y) using SGD()
  let hits = total(sum(f32(argmax(logits, axis=-1) == y)))
  metric accuracy = hits / b
}
