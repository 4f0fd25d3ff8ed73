import { Linear } from "std/nn"

layer Net(d: int = 8) {
  let linear = Linear(d, d)
  fn forward(x: [b, d]) -> [b, d] {
    let y = linear(x)
    y
  }
}
