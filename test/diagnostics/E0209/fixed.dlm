import { Linear } from "std/nn"

layer Net(d: int = 8) {
  let fc = Linear(d, d)
  fn forward(x: [b, d]) -> [] = sum(fc.weight)
}
