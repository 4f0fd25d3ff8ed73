import { Linear } from "std/nn"

layer Net() {
  let fc = Linaer(4, 4)
}
