import { Linear, Embedding } from "std/nn"

layer Net() {
  let wte = Embedding(100, 8)
  let head = Linear(8, 90, bias=false) with { weight=wte.weight }
  fn forward(x: [b, 8]) -> [b, 90] = head(x)
}
