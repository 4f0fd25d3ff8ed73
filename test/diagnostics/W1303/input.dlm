import { BatchNorm2d, Conv2d, Linear } from "std/nn"

export model Net() {
  let conv = Conv2d(1, 8, 3, padding=1)
  let bn = BatchNorm2d(8)
  let twice = Linear(8, 8)
  export fn forward(x: [b, 1, h, w]) -> [b, 8, h, w] = x |> conv |> bn |> relu
  export fn head(x: [b, 8]) -> [b, 8] = x |> twice |> relu |> twice
}
