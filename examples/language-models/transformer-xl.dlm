// A small Transformer-XL: a text is read segment by segment, and every layer remembers what it made of those before.
import { TransformerXl } from "std/models"
import { Adam, global_norm } from "std/optim"

const letters = 9
const memory  = 16

export model Copier(d: int = 32) {
  let net = TransformerXl(letters, d, 2, 2, 2 * d, memory, dropout=0.0)
}

export train Fit(net: Copier, lr: f32[] = 3e-3) {
  batch ids: i32[b, t], next: i32[b, t]
  let logits = net.net(ids)
  minimize cross_entropy(logits, next) using Adam(lr=lr) with { clip=global_norm(1.0) }
  metric right = total(sum(f32(argmax(logits, axis=-1) == next))) / total(sum(f32(next != -100)))
}
