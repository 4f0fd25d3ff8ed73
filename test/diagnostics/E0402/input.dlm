import { Linear } from "std/nn"

layer Net(d: int = 8) {
  let fc = Linear(d, "10")
  fn forward(x: [b, d]) -> [b, d] {
    let y: i32[b, d] = x
    relu(x > 0)
  }
}
