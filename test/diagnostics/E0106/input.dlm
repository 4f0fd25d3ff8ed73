import { f } from "./other.dlm"

layer Loop(d: int = 4) {
  let inner = Loop(d)
  fn forward(x: [b, d]) -> [b, d] = inner(x)
}

const a: int = b + 1
const b: int = a

fn down(n: int) -> int = down(n - 1)
const c = down(3)
