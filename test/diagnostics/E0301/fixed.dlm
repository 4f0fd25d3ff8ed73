import { Linear } from "std/nn"

export model Net() {
  let conv = Linear(784, 12544)
  let fc = Linear(12544, 10)

  export fn forward(x: [b, 784]) -> [b, 10] = x |> conv |> relu |> fc
}
