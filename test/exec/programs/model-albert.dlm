// exec: b=2 t=5 ids<11 masked<11 swapped<2 type_ids<2
// A small ALBERT on both tasks of its pre-training: masked tokens and the order of sentences.
import { Albert, AlbertForPreTraining } from "std/models"
import { Linear } from "std/nn"
import { SGD } from "std/optim"

export train Fit(net: AlbertForPreTraining = AlbertForPreTraining(vocab=11, e=4, d=8, heads=2, depth=2, max_len=6)) {
  batch ids: i32[b, t], ignore: bool[b, t], type_ids: i32[b, t], masked: i32[b, t], swapped: i32[b]
  let r = net(ids, ignore, type_ids)
  minimize cross_entropy(r.tokens, masked, ignore_index=-100) + cross_entropy(r.order, swapped) using SGD(lr=0.1)
}

/// A classifier on the pooled token.
export model Classifier(classes: int = 3) {
  let albert = Albert(vocab=11, e=4, d=8, heads=2, depth=2, max_len=6)
  let head   = Linear(8, classes)
  export fn forward(ids: i32[b, t]) -> [b, classes] requires t <= 6 = head(albert(ids).pooled)
}
