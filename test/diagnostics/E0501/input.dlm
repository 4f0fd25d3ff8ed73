import { Linear } from "std/nn"

layer Net(d: int = 8) {
  fn forward(x: [b, d]) -> [b, d] {
    let y = Linear(d, d)(x)
    y
  }
}
