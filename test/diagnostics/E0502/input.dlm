import { Linear } from "std/nn"

fn apply(inner: layer, x: [b, 4]) = inner(x)

export model Net() {
  let f = (fn (l: layer) => fn (x: [b, 4]) => apply(l, x))(Linear(4, 2))
  export fn forward(x: [b, 4]) -> [b, 2] = f(x)
}
