// exec: b=2 t=5 ids<11 masked<11 follows<2 type_ids<2
// A small BERT on both tasks of its pre-training: masked tokens (-100 where there is none) and the next sentence.
import { Bert, BertForPreTraining } from "std/models"
import { Linear } from "std/nn"
import { SGD } from "std/optim"

export train Fit(net: BertForPreTraining = BertForPreTraining(vocab=11, d=8, heads=2, depth=2, max_len=6)) {
  batch ids: i32[b, t], ignore: bool[b, t], type_ids: i32[b, t], masked: i32[b, t], follows: i32[b]
  let r = net(ids, ignore, type_ids)
  minimize cross_entropy(r.tokens, masked, ignore_index=-100) + cross_entropy(r.follows, follows) using SGD(lr=0.1)
}

/// A classifier on the pooled token.
export model Classifier(classes: int = 3) {
  let bert = Bert(vocab=11, d=8, heads=2, depth=1, max_len=6)
  let head = Linear(8, classes)
  export fn forward(ids: i32[b, t]) -> [b, classes] requires t <= 6 = head(bert(ids).pooled)
}
