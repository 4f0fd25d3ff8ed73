// exec: b=3 y<3
// A second copy of a model follows the trained one as a moving average, states too.
import { Linear, BatchNorm1d } from "std/nn"
import { SGD } from "std/optim"

export model Net() {
  let fc1 = Linear(4, 5, bias=false)
  let bn  = BatchNorm1d(5)
  let fc2 = Linear(5, 3)
  export fn forward(x: [b, 4]) -> [b, 3] = x |> fc1 |> bn |> relu |> fc2
}

export train FitWithAverage(net: Net, average: Net, lr: f32[] = 0.1) {
  batch x: f32[b, 4], y: i32[b]
  minimize cross_entropy(net(x), y) of net using SGD(lr=lr)
  update average = lerp(average, net, 0.25)
  metric drift = l2(net.fc1.weight - average.fc1.weight)
}
