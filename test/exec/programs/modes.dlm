// exec: b=4 y<3
// Statistics and dropout follow the mode: entries evaluate, a train trains, `with` says otherwise.
import { Linear, BatchNorm1d, Dropout } from "std/nn"
import { SGD } from "std/optim"

export model Net() {
  let fc1  = Linear(3, 6, bias=false)
  let bn   = BatchNorm1d(6)
  let drop = Dropout(0.5)
  let fc2  = Linear(6, 3)
  export fn forward(x: [b, 3]) -> [b, 3] = x |> fc1 |> bn |> relu |> drop |> fc2
  export fn sampled(x: [b, 3]) -> [b, 3] =
    x |> fc1 |> bn |> relu |> drop with { training=true } |> fc2
}

export train FitNet(net: Net) {
  batch x: f32[b, 3], y: i32[b]
  let once  = net(x)
  let twice = net(2.0 * x)
  let still = (net with { training=false })(x)
  minimize cross_entropy(once, y) + cross_entropy(twice, y) using SGD(lr=0.1, momentum=0.9)
  metric settled = cross_entropy(still, y)
}
