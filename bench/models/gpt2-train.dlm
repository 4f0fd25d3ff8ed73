import { Gpt2 } from "std/models"
import { AdamW } from "std/optim"

export train Fit(net: Gpt2 = Gpt2(), lr: f32[] = 3e-4) {
  batch ids: i32[b, t], next: i32[b, t]
  minimize cross_entropy(net(ids), next) using AdamW(lr=lr)
}
