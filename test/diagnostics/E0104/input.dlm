import { Conv2d } from "std/nn"

layer Net() {
  let conv = Conv2d(64, 128, 3, padding='same')
}
