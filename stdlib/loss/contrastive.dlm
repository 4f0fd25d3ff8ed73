// Losses of pairs of embeddings.

/// d² / 2 where `same` is 1, max(0, margin - d)² / 2 where it is 0, d the Euclidean distance (Hadsell et al. 2006).
@precision(compute=f32)
export fn contrastive_loss(x1: [...s, d], x2: [...s, d], same: [...s], margin: real = 1.0, reduction: Reduction = "mean") {
  let square = sum((x1 - x2) ^ 2, axis=-1)
  let apart  = max(margin - sqrt(max(square, 1e-12)), 0)
  reduce_loss(0.5 * (same * square + (1 - same) * apart ^ 2), reduction)
}

/// Cross-entropy of finding the own key among all: cosines of queries [n, d] and keys [n, d] over `temperature`; where
/// `negatives` [m, d] are given, they replace the keys of the others (van den Oord et al. 2018).
@precision(compute=f32)
export fn info_nce(query: [n, d], key: [n, d], temperature: real = 0.1, negatives: [m, d]? = none) {
  let (q, k) = (l2_normalize(query), l2_normalize(key))
  if negatives != none {
    let own = sum(q * k, axis=-1, keepdim=true)
    cross_entropy(concat([own, q @ transpose(l2_normalize(negatives))], axis=1) / temperature, full([n], 0))
  } else { cross_entropy(q @ transpose(k) / temperature, iota(n)) }
}

/// Two views of each of n examples: each finds the other among the 2n - 1 others (SimCLR, Chen et al. 2020).
@precision(compute=f32)
export fn nt_xent(x: [n, d], y: [n, d], temperature: real = 0.5) -> [] {
  let z      = l2_normalize(concat([x, y], axis=0))
  let sim    = einsum[i d, j d -> i j](z, z) / temperature
  let self   = for i < 2 * n, j < 2 * n => i == j
  let target = for i < 2 * n => (i + n) % (2 * n)
  cross_entropy(where(self, -inf, sim), target)
}

/// Σ (f(x) - f(y))² over all but the first axis: how far two inputs are apart for a network f.
@precision(compute=f32)
export fn residual_loss(fx: [b, ...s], fy: [b, ...s], reduction: Reduction = "mean") =
  reduce_loss(sum((fx - fy) ^ 2, axis=(for i in 1..rank(fx) => i)), reduction)

/// Two passes of one input with different dropout: the mean of both cross-entropies, and `alpha` times the mean of both
/// divergences (R-Drop, Liang et al. 2021).
@precision(compute=f32)
export fn r_drop(logits1: [...s, k], logits2: [...s, k], target: i32[...s], alpha: real = 1.0) -> [] {
  let (a, b) = (log_softmax(logits1), log_softmax(logits2))
  let both   = mean(sum((exp(a) - exp(b)) * (a - b), axis=-1)) / 2
  (nll_loss(a, target) + nll_loss(b, target)) / 2 + alpha * both
}
