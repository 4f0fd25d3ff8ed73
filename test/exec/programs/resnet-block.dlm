// exec: b=2 h=5 w=4 y<3
import { BasicBlock, Conv2d, Linear, global_avg_pool } from "std/nn"
import { SGD } from "std/optim"

export model Net(classes: int = 3) {
  let stem = Conv2d(2, 3, 3, padding="same")
  let a    = BasicBlock(3, 3)
  let c    = BasicBlock(3, 4, stride=2)
  let fc   = Linear(4, classes)
  export fn forward(x: [b, 2, h, w]) -> [b, classes] = x |> stem |> a |> c |> global_avg_pool |> fc
}

export train Fit(net: Net) {
  batch x: f32[b, 2, h, w], y: i32[b]
  minimize cross_entropy(net(x), y) using SGD(lr=0.05, momentum=0.9)
}
