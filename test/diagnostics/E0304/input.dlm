import { Block } from "./gpt.dlm"

export model Tiny() {
  let h = for i in 0..6 => Block(386, 6)
  export fn forward(x: [b, 386]) -> [b, 6, _] = h[0](x)
}
