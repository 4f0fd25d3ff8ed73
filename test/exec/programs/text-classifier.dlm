// exec: b=2 t=4 ids<6 y<3
import { Embedding, LSTM, GRU, Bidirectional, Linear } from "std/nn"
import { Adam, global_norm } from "std/optim"

export model Classifier(vocab: int = 6, d: int = 3, hidden: int = 4, classes: int = 3) {
  let embed = Embedding(vocab, d)
  let both  = Bidirectional(LSTM, d, hidden)
  let top   = GRU(2 * hidden, hidden, num_layers=2)
  let out   = Linear(hidden, classes)

  export fn forward(ids: i32[b, t]) -> [b, classes] {
    let r = top(both(embed(ids)))
    out(r.h[1])
  }
}

export train Fit(net: Classifier) {
  batch ids: i32[b, t], y: i32[b]
  minimize cross_entropy(net(ids), y) using Adam(lr=1e-2) with { clip=global_norm(1.0) }
}
