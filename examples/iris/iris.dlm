// A small classifier of irises by four measurements (examples/data/iris.csv).
import { Linear } from "std/nn"
import { Adam } from "std/optim"

/// One hidden layer; the inputs are centimetres.
export model Iris(hidden: int = 16) {
  let fc1 = Linear(4, hidden)
  let fc2 = Linear(hidden, 3)

  export fn forward(x: [b, 4]) -> [b, 3] = x |> fc1 |> tanh |> fc2
  export fn predict(x: [b, 4]) -> i32[b] = argmax(forward(x), axis=-1)
}

export train FitIris(net: Iris, lr: f32[] = 1e-2) {
  batch x: f32[b, 4], y: i32[b]
  let logits = net(x)
  minimize cross_entropy(logits, y) using Adam(lr=lr)
  metric accuracy = mean(f32(argmax(logits, axis=-1) == y))
}
