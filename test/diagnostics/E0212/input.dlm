import { Linear } from "std/nn"

layer Net(d: int = 8) {
  @frozen let fc = Linear(d, d)
  fn forward(x: [b, d]) -> [b, d] = fc(x)
}
