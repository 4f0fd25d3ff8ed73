// exec: b=2 first<5
import { Linear, Embedding, GRUCell } from "std/nn"
import { Adam } from "std/optim"
import { categorical, top_k_filter, top_p_filter, sample, teacher_forcing, greedy, beam_search } from "std/decode"

export model Speaker() {
  let embed = Embedding(5, 3)
  let cell  = GRUCell(3, 4)
  let out   = Linear(4, 5)
  fn next(token: i32[n], state: list) {
    let h = cell(embed(token), state[0])
    (logits=3.0 * out(h), state=[h])
  }
  export fn filtered(x: [b, 6]) = (top_k_filter(x, 2), top_p_filter(x, 0.5), categorical(x), sample(x, 0.8, top_k=4, top_p=0.9), sample(x, 0.0))
  export fn likely(h: [b, 4], first: i32[b]) = greedy(next, [h], first, 0, 6)
  export fn beam(h: [b, 4], first: i32[b]) = beam_search(next, [rearrange[b d -> (b k) d](h, k=3)], first, 3, 0, 4, length_penalty=0.6, n_best=2)
}

export train Fit(net: Speaker) {
  batch h: f32[2, 4], first: i32[2], gold: i32[4, 2]
  let (logits, _) = scan (s, token) = ([h], first) over g in gold => {
    let r = net.next(token, s)
    ((r.state, teacher_forcing(g, argmax(r.logits, axis=-1), 0.5)), r.logits)
  }
  minimize cross_entropy(logits, gold) using Adam(lr=0.01)
}
