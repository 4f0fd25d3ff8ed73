import { Conv2d } from "std/nn"

export model Net() {
  let c = Conv2d(64, 128, kernel_size=3, padding="same")
  export fn forward(x: [b, 64, h, w]) -> [b, 128, h, w] = c(x)
}

fn total(x: [b, n]) -> [b] = sum(x, axis=1)
