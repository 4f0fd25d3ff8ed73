// Connectionist temporal classification. No import is needed.

/// Connectionist temporal classification (Graves et al. 2006): -log of the probability of all paths of length
/// input_lengths[i] that spell the first target_lengths[i] labels when repeats are merged and blanks dropped. Log
/// probabilities are [b, t, c], targets [b, u]. The mean is over losses divided by their target lengths, as in torch;
/// `zero_infinity` makes the loss of targets that do not fit 0 (else it is about 1e30).
@precision(compute=f32)
export fn ctc_loss(log_probs: [b, t, c], targets: i32[b, u], input_lengths: i32[b], target_lengths: i32[b], blank: int = 0,
                   reduction: Reduction = "mean", zero_infinity: bool = false) {
  let n     = 2 * u + 1
  let ext   = for i < b, s < n => if s % 2 == 1 { targets[i, floor_div(s, 2)] ?? blank } else { blank }
  let hop   = for i < b, s < n => s >= 2 && ext[i, s] != blank && ext[i, s] != (ext[i, s - 2] ?? blank)
  let start = for i < b, s < n => if s < 2 { log_probs[i, 0, ext[i, s]] ?? -inf } else { -inf }
  let last  = fold a = start over lp in log_probs[:, 1:] along 1, k < t - 1 => {
    let next = for i < b, s < n => {
      let stay = logaddexp(a[i, s], a[i, s - 1] ?? -inf)
      let all  = if hop[i, s] { logaddexp(stay, a[i, s - 2] ?? -inf) } else { stay }
      max(all + (lp[i, ext[i, s]] ?? -inf), -inf)
    }
    where(rearrange[b -> b 1](k + 1 < input_lengths), next, a)
  }
  let nll  = for i < b => -logaddexp(last[i, 2 * target_lengths[i]] ?? -inf, last[i, 2 * target_lengths[i] - 1] ?? -inf)
  let loss = if zero_infinity { where(nll < 1e29, nll, 0.0) } else { nll }
  if reduction == "mean" { mean(loss / f32(max(target_lengths, 1))) } else { reduce_loss(loss, reduction) }
}
