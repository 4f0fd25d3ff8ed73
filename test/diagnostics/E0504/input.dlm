import { Linear } from "std/nn"

export model Net(d: int = 4) {
  let used = Linear(d, d)
  let spare = Linear(d, d)
  export fn forward(x: [b, d]) -> [b, d] = used(x)
}
