import { Linear } from "std/nn"

layer Net(d: int = 8) {
  let fc = Linear(d)
  fn forward(x: [b, d]) = fc(x)
}
