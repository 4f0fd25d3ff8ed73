// SimCSE (Gao et al. 2021): a sentence read twice with different dropout is the only pair there is.
import { Dropout, Embedding, Linear } from "std/nn"
import { info_nce } from "std/loss"
import { Adam } from "std/optim"

/// A sentence as one vector: the mean of what two dense layers make of its words.
export model Reader(words: int = 128, d: int = 32, drop: real = 0.1) {
  let embed = Embedding(words, d, init=normal(0.3))
  let fc1   = Linear(d, 2 * d)
  let fc2   = Linear(2 * d, d)
  let drops = Dropout(drop)
  // Besides single features, whole words are dropped.
  fn forward(ids: i32[b, t], forget: real = 0.0) -> [b, d] {
    let seen = embed(ids) * dropout_mask([b, t, 1], forget)
    mean(fc2(drops(relu(fc1(drops(seen))))), axis=1)
  }
  export fn features(ids: i32[b, t]) -> [b, d] = forward(ids)
}

/// Both readings are of the same batch; dropout draws anew for each.
export train Fit(net: Reader, lr: f32[] = 3e-3) {
  batch ids: i32[b, t]
  minimize info_nce(net.forward(ids, 0.4), net.forward(ids, 0.4), 0.2) using Adam(lr=lr)
}
