import { Linear, Dropout } from "std/nn"

export model Net() {
  let fc = Linear(4, 3)
  let drop = Dropout(0.1)
  export fn forward(x: [b, 4]) -> [b, 3] = x |> fc |> drop
}
