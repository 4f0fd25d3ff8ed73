import { Linear } from "std/nn"

@precision(params=f32, accum=f16)
export model Net(d: int = 8) {
  let fc = Linear(d, d)
  export fn forward(x: [b, d]) -> [b, d] = fc(x)
}
