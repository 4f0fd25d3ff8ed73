// exec: b=2 s=4 t=3 ids<11 target<11
// A small T5.
import { T5 } from "std/models"
import { AdamW } from "std/optim"

export train Fit(net: T5 = T5(vocab=11, d=8, heads=2, d_kv=4, d_ff=12, depth=2)) {
  batch ids: i32[b, s], ignore: bool[b, s], target: i32[b, t]
  minimize cross_entropy(net(ids, target, ignore=ignore), target) using AdamW(lr=1e-2)
}
