// exec: b=2 t=4 ids<9 order<4 types<2 target<9
// A small XLNet on permuted texts, and a classifier on what it reads.
import { XlNet, XlNetForPreTraining } from "std/models"
import { Linear } from "std/nn"
import { SGD } from "std/optim"

export train Fit(net: XlNetForPreTraining = XlNetForPreTraining(vocab=9, d=8, heads=2, depth=2)) {
  batch ids: i32[b, t], order: i32[b, t], types: i32[b, t], target: i32[b, t]
  minimize cross_entropy(net(ids, order, type_ids=types), target) using SGD(lr=0.1)
}

export model Classifier() {
  let net  = XlNet(vocab=9, d=8, heads=2, depth=1)
  let head = Linear(8, 3)
  export fn forward(ids: i32[b, t]) -> [b, 3] = head(net(ids)[:, -1])
}
