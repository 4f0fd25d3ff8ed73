import { Linear } from "std/nn"
import { Adam } from "std/optim"

export model Net(d: int = 64) {
  @quantize(bits=4) let base = Linear(d, d)
  let head = Linear(d, 1)
  export fn forward(x: [b, d]) -> [b, 1] = head(relu(base(x)))
}

export train Fit(net: Net) {
  batch x: f32[b, net.d], y: f32[b, 1]
  minimize mean((net(x) - y) ^ 2) of net using Adam()
}
