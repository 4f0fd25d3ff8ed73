import { SGD } from "std/optim"

export model Tensor() {
  param w: [2] = ones()
  export fn forward(x: [b, 2]) -> [b, 2] = x * w
}

export train class(net: Tensor) {
  batch x: f32[b, 2]
  minimize mean(net(x)) using SGD(lr=0.1)
}
