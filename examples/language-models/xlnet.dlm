// A small XLNet: words are told in random orders, each from those that came before it.
import { XlNetForPreTraining } from "std/models"
import { AdamW, cosine, global_norm } from "std/optim"

const words = 80

export model Permuted(d: int = 48) {
  let net = XlNetForPreTraining(words, d, 4, 2, 2 * d, dropout=0.0)
  /// Probabilities of the words at each place.
  export fn guess(ids: i32[b, t], order: i32[b, t]) -> [b, t, words] = softmax(net(ids, order))
}

export train Fit(net: Permuted, lr: f32[] = 4e-3, steps: i32[] = 900) {
  batch ids: i32[b, t], order: i32[b, t], targets: i32[b, t]
  let logits = net.net(ids, order)
  minimize cross_entropy(logits, targets)
    using AdamW(lr=cosine(lr, steps, warmup=50), weight_decay=0.01) with { clip=global_norm(1.0) }
  metric right = total(sum(f32(argmax(logits, axis=-1) == targets))) / total(sum(f32(targets != -100)))
}
