import { Linear } from "std/nn"

export model Net() {
  let fc = Linear(_, 10)
  export fn forward(x: [b, 4]) -> [b, 4] = x
}
