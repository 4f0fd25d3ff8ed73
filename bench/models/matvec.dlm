import { Linear } from "std/nn"

/// One row through a dense layer.
export model Matvec(n: int = 4096) {
  let fc = Linear(n, n)
  export fn forward(x: [1, n]) -> [1, n] = fc(x)
  export fn hold(x: [1, n]) -> [1, n] = x
}
