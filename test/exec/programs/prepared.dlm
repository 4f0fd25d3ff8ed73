// exec: n=3
// What a program computes from weights alone: a weight of norm 1, panels of a product, combinations for a convolution.
import { Conv2d, Linear } from "std/nn"
import { SGD } from "std/optim"

layer Normed(from: int, to: int) {
  param v: [to, from] = normal(1.0)
  fn forward(x: [n, from]) -> [n, to] = x @ permute(v / sqrt(sum(v * v, axis=1, keepdim=true)), [1, 0])
}

export model Net() {
  let conv = Conv2d(16, 16, 3, padding=1)
  let normed = Normed(16, 12)
  let out = Linear(12, 2732)
  export fn forward(x: [n, 16, 8, 8]) -> [n, 2732] = out(normed(mean(conv(x), axis=[2, 3])))
}

export train Fit(net: Net, lr: f32[] = 0.1) {
  batch x: [n, 16, 8, 8], y: [n, 2732]
  minimize mean((net(x) - y) * (net(x) - y)) using SGD(lr=lr)
}
