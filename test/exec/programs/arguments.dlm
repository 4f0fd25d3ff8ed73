// exec: b=2 n=3 count=4 steps=3
import { Linear } from "std/nn"

/// Entries with whole numbers, defaults and optional tensors as arguments.
export model Arguments(d: int = 3) {
  let fc = Linear(d, d)

  /// As many random rows as the caller asks for.
  export fn sample(count: int) -> [count, d] = fc(normal([count, d]))
  export fn roll(x: [b, d], steps: int) -> [b, d] = fold h = x over i < steps => tanh(fc(h))
  export fn scale(x: [n], by: f32[] = 2.0, shift: [n]? = none, keep: bool[n]? = none) -> [n] {
    let y = x * by
    let y = if shift != none { y + shift } else { y }
    if keep != none { where(keep, y, 0.0) } else { y }
  }
}
