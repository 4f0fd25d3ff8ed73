// exec: b=2 t=5 u=2 labels<3
import { Linear } from "std/nn"
import { SGD } from "std/optim"

export fn ctc_loss(log_probs: [b, t, c], labels: i32[b, u], input_len: i32[b], label_len: i32[b], blank: int = 0) -> [b] {
  let n     = 2 * u + 1
  let ext   = for i < b, s < n => if s % 2 == 1 { labels[i, floor_div(s, 2)] ?? blank } else { blank }
  let hop   = for i < b, s < n => s >= 2 && ext[i, s] != blank && ext[i, s] != ext[i, s - 2] ?? blank
  let start = for i < b, s < n => if s < 2 { log_probs[i, 0, ext[i, s]] ?? -inf } else { -inf }
  let last  = fold a = start over lp in log_probs[:, 1:] along 1, k < t - 1 => {
    let next = for i < b, s < n => {
      let stay = logaddexp(a[i, s], a[i, s - 1] ?? -inf)
      let all  = if hop[i, s] { logaddexp(stay, a[i, s - 2] ?? -inf) } else { stay }
      all + lp[i, ext[i, s]] ?? -inf
    }
    where(rearrange[b -> b 1](k + 1 < input_len), next, a)
  }
  for i < b => -logaddexp(last[i, 2 * label_len[i]] ?? -inf, last[i, 2 * label_len[i] - 1] ?? -inf)
}

export model Speech(features: int = 3, symbols: int = 4) {
  let out = Linear(features, symbols)
  export fn forward(x: [b, t, features]) -> [b, t, symbols] = log_softmax(out(x))
}

export train FitSpeech(net: Speech) {
  batch x: f32[b, t, 3], labels: i32[b, u]
  minimize mean(ctc_loss(net(x), labels + 1, full([b], 5), full([b], 2))) using SGD(lr=0.1)
}
