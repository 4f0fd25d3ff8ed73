// exec: b=3
// The same network twice: `@remat` computes the hidden layers again in the backward pass, to the same numbers.
import { Linear, Dropout } from "std/nn"
import { SGD } from "std/optim"

layer Block(d: int) {
  let up   = Linear(d, 4 * d)
  let down = Linear(4 * d, d)
  let drop = Dropout(0.25)
  fn forward(x: [b, d]) -> [b, d] = x + drop(down(tanh(up(x))))
}

export model Deep(d: int = 4) {
  @remat let h = for i in 0..3 => Block(d)
  export fn forward(x: [b, d]) -> [b, d] = fold x = x over blk in h => blk(x)
}

export train FitDeep(net: Deep) {
  batch x: f32[b, net.d], y: f32[b, net.d]
  minimize mean((net(x) - y) ^ 2) using SGD(lr=0.1)
}
