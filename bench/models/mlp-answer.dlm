import { Linear } from "std/nn"

/// A classifier of 28×28 images, without training.
export model Mlp(inputs: int = 784, classes: int = 10) {
  let fc1 = Linear(inputs, 256)
  let fc2 = Linear(256, 128)
  let fc3 = Linear(128, classes)
  export fn forward(x: [b, inputs]) -> [b, classes] = x |> fc1 |> relu |> fc2 |> relu |> fc3
}
