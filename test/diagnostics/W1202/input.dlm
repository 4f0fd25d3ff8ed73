import { Linear } from "std/nn"

export model Net(d: int = 4, hidden: int = 8) {
  let fc = Linear(d, d)
  export fn forward(x: [b, d]) -> [b, d] = fc(x)
}
