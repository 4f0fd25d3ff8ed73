// exec: b=2 t=5 cap=8 ids<11 next<11 pos<3
// A small GPT-2.
import { Gpt2 } from "std/models"
import { SGD, global_norm } from "std/optim"

export train Fit(net: Gpt2 = Gpt2(vocab=11, d=8, heads=2, depth=2, max_len=8), lr: f32[] = 0.1) {
  batch ids: i32[b, t], next: i32[b, t]
  minimize cross_entropy(net(ids), next) using SGD(lr=lr, momentum=0.9) with { clip=global_norm(1.0) }
}
