import { Linear } from "std/nn"

model Net(d: int = 4) {
  let head = Linear(d, 1)
  fn forward(x: [b, d]) -> [b, 1] = head(x)
}

train Fit(net: Net) {
  batch x: f32[b, net.d]
  metric size = mean(net(x))
}
