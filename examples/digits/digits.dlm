// A multilayer perceptron on the 8×8 digits of examples/data/digits.csv.
import { Linear, Dropout } from "std/nn"
import { AdamW, cosine } from "std/optim"

/// Two hidden layers over 64 pixels, valued 0 to 16.
export model Mlp(inputs: int = 64, hidden: int = 128, classes: int = 10) {
  let fc1  = Linear(inputs, hidden)
  let fc2  = Linear(hidden, hidden)
  let fc3  = Linear(hidden, classes)
  let drop = Dropout(0.1)

  export fn forward(x: [b, inputs]) -> [b, classes] =
    x / 16.0 |> fc1 |> relu |> drop |> fc2 |> relu |> drop |> fc3
  export fn predict(x: [b, inputs]) -> i32[b] = argmax(forward(x), axis=-1)
}

export train FitDigits(net: Mlp, lr: f32[] = 3e-3, total: i32[] = 1800) {
  batch x: f32[b, net.inputs], y: i32[b]
  let logits = net(x)
  minimize cross_entropy(logits, y) using AdamW(lr=cosine(lr, total, warmup=50), weight_decay=1e-2)
  metric accuracy = mean(f32(argmax(logits, axis=-1) == y))
}
