import { Linear } from "std/nn"

layer Net() {
  let fc = Linear(4, 4)
}
