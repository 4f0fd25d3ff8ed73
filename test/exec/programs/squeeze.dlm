// exec: b=2 h=3 w=2
// The output of a block kept as a frozen parameter: stores of several inner shapes in one row kernel.
import { SqueezeExcitation } from "std/nn"
import { SGD } from "std/optim"
export model Case() {
  param x: [2, 4, 3, 2] = normal(1.0)
  let m = SqueezeExcitation(4, 2)
  @freeze param out0: [2, 4, 3, 2] = zeros()
  fn run() -> (y0: [2, 4, 3, 2]) = (y0=m(x))
  export fn forward(z: f32[2, 4, 3, 2]) -> [2, 4, 3, 2] = z + m(x)
}
export train Fit(net: Case) {
  batch w0: f32[2, 4, 3, 2]
  let r = net.m(net.x)
  minimize sum(r * w0) using SGD(lr=1.0)
  update net.out0 = r
}
