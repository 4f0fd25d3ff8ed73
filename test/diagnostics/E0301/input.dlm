import { Conv2d, Linear, MaxPool2d } from "std/nn"

export model LeNet() {
  let conv = Conv2d(1, 64, 3, padding="same")
  let pool = MaxPool2d(2)
  let fc = Linear(256, 10)

  export fn forward(x: [b, 1, 28, 28]) -> [b, 10] =
    x |> conv |> pool |> flatten |> fc
}
