import { BatchNorm2d } from "std/nn"
import { SGD } from "std/optim"

layer Embed() {
  let bn1 = BatchNorm2d(8)
  fn forward(x: [b, 8, h, w]) -> [b, 8, h, w] = bn1(x)
}

export model Siam() {
  let embed = Embed()
  export fn forward(views: [k, b, 8, h, w]) -> [k, b, 8, h, w] {
    let e = for v in views => embed(v)
    e
  }
}

export train Fit(net: Siam) {
  batch x: f32[2, b, 8, 4, 4]
  minimize mean(net(x) ^ 2) using SGD()
}
