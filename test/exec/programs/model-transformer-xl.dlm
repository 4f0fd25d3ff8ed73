// exec: b=2 t=3 ids<7 next<7
// A small Transformer-XL: each step goes on from what the last one left.
import { TransformerXl } from "std/models"
import { SGD } from "std/optim"

export train Fit(net: TransformerXl = TransformerXl(vocab=7, d=8, heads=2, depth=2, memory=4)) {
  batch ids: i32[b, t], next: i32[b, t]
  minimize cross_entropy(net(ids), next) using SGD(lr=0.1)
}
