// exec: b=2 t=4 ids<9 next<9
// One matrix embeds tokens and scores them: one weight, one gradient, one key in checkpoints.
import { Embedding, Linear } from "std/nn"
import { AdamW } from "std/optim"

export model Lm(vocab: int = 9, d: int = 5) {
  let wte  = Embedding(vocab, d)
  let mix  = Linear(d, d)
  let head = Linear(d, vocab, bias=false) with { weight=wte.weight }
  export fn forward(ids: i32[b, t]) -> [b, t, vocab] = ids |> wte |> mix |> tanh |> head
}

export train FitLm(net: Lm) {
  batch ids: i32[b, t], next: i32[b, t]
  minimize cross_entropy(net(ids), next) using AdamW(lr=1e-2)
}
