// Choosing tokens: sampling, greedy and beam search, teacher forcing.

/// A class drawn with probability softmax(logits): the largest of logits plus Gumbel noise.
export fn categorical(logits: [...s, k]) -> i32[...s] =
  argmax(logits - log(-log(clamp(uniform(shape(logits)), 1e-7, 0.9999999))), axis=-1)

/// Logits with all but the k largest at -inf; of equal ones the first count as larger.
export fn top_k_filter(logits: [...s, v], k: int) -> [...s, v] requires k <= v =
  where(rank_of(logits) < k, logits, -inf)

/// Logits with all at -inf but the fewest whose probabilities reach `p` together, by falling probability (nucleus,
/// Holtzman et al. 2020). The largest always stays.
export fn top_p_filter(logits: [...s, v], p: f32[] | real) -> [...s, v] {
  let sorted = softmax(sort(logits, axis=-1, descending=true))
  let kept   = sum(f32(cumsum(sorted, axis=-1, exclusive=true) < p), axis=-1, keepdim=true)
  where(f32(rank_of(logits)) < max(kept, 1), logits, -inf)
}

// The place of each element of the last axis in falling order.
fn rank_of(x: [...s, v]) -> i32[...s, v] = argsort(argsort(x, axis=-1, descending=true), axis=-1)

/// A class drawn from logits / temperature after top-k and nucleus filtering; temperature 0 takes the largest.
export fn sample(logits: [...s, v], temperature: f32[] | real = 1.0, top_k: int? = none, top_p: f32[] | real? = none) -> i32[...s] {
  let scaled = logits / max(temperature, 1e-6)
  let scaled = if top_k != none { top_k_filter(scaled, top_k) } else { scaled }
  let scaled = if top_p != none { top_p_filter(scaled, top_p) } else { scaled }
  where(temperature > 0, categorical(scaled), argmax(logits, axis=-1))
}

/// The next inputs of a decoder while training: the gold token with probability `ratio`, else the model's own, drawn for
/// each example (scheduled sampling, Bengio et al. 2015). Outside of training always its own.
export fn teacher_forcing(gold: i32[...s], own: i32[...s], ratio: f32[] | real = 1.0) -> i32[...s] =
  if training { where(uniform(shape(gold)) < ratio, gold, own) } else { own }

/// The most likely token, again and again. `step(token, state)` gives logits [b, v] and the next state, a list of tensors.
/// Tokens after `eos` are `eos`; lengths count the tokens up to and with it.
export fn greedy(step: fn(i32[b], list) -> (logits: [b, v], state: list), state: list, start: i32[b], eos: int, max_new: int)
  -> (tokens: i32[b, max_new], lengths: i32[b]) {
  let (tokens, (_, _, _, lengths)) = scan (s, token, over, length) = (state, start, full([b], false), full([b], 0))
    over i < max_new while !all(over) => {
    let r    = step(token, s)
    let next = where(over, eos, argmax(r.logits, axis=-1))
    ((r.state, next, over || next == eos, length + i32(!over)), next + 1)
  }
  // Steps that were not reached are 0.
  (tokens=transpose(where(tokens == 0, eos, tokens - 1)), lengths=lengths)
}

/// Beam search: of the sequences of up to `max_new` tokens that start from `start`, the `n_best` with the largest
/// log probability / ((5 + length) / 6) ^ length_penalty (Wu et al. 2016), best first. `step(token, state)` gives logits
/// [b * beams, v] and the next state, a list of tensors whose first axis is b * beams, which it also has in `state`.
/// The search keeps the `beams` best unfinished sequences and, apart from them, the best finished ones; tokens after
/// `eos` are `eos`.
export fn beam_search(step: fn(i32[m], list) -> (logits: [m, v], state: list), state: list, start: i32[b], beams: int, eos: int,
                      max_new: int, length_penalty: real = 0.0, n_best: int = 1)
  -> (tokens: i32[b, n_best, max_new], lengths: i32[b, n_best], scores: [b, n_best]) requires n_best <= beams {
  let n     = b * beams
  let first = where(iota(beams) == 0, 0.0, -inf)
  let none_yet = (full([b, beams, max_new], eos), full([b, beams], 0), full([b, beams], -inf))
  let live  = (full([b, beams, max_new], eos), broadcast_to(first, [b, beams]), reshape(broadcast_to(reshape(start, [b, 1]), [b, beams]), [n]))
  let (_, (tokens, score, _), done) = fold (s, (tokens, score, token), (ended, lengths, best)) = (state, live, none_yet) over i < max_new => {
    let r    = step(token, s)
    let v    = shape(r.logits)[1]
    let logp = reshape(log_softmax(r.logits), [b, beams, v])
    let all  = reshape(score, [b, beams, 1]) + logp
    // Sequences that end here compete with those that ended before.
    let last = all[:, :, eos] / penalty(f32(i + 1), length_penalty)
    let here = (tokens, full([b, beams], 0) + i + 1, where(all[:, :, eos] > -1e29, last, -inf))
    let done = best_of((concat([ended, here[0]], axis=1), concat([lengths, here[1]], axis=1), concat([best, here[2]], axis=1)), beams)
    // The others go on.
    let next = topk(reshape(where(iota(v) == eos, -inf, all), [b, beams * v]), beams)
    let from = floor_div(next.indices, v)
    let word = next.indices % v
    let flat = reshape(from + reshape(iota(b) * beams, [b, 1]), [n])
    let kept = reshape(gather(reshape(tokens, [n, max_new]), flat), [b, beams, max_new])
    let kept = where(iota(max_new) == i, reshape(word, [b, beams, 1]), kept)
    let moved = for t in r.state => gather(t, flat)
    (moved, (kept, max(next.values, -inf), reshape(word, [n])), done)
  }
  let whole = (tokens, full([b, beams], max_new), where(score > -1e29, score / penalty(1.0 * max_new, length_penalty), -inf))
  let (tokens, lengths, scores) = best_of((concat([done[0], whole[0]], axis=1), concat([done[1], whole[1]], axis=1), concat([done[2], whole[2]], axis=1)), n_best)
  (tokens=tokens, lengths=lengths, scores=scores)
}

fn penalty(length: f32[] | real, power: real) = if power == 0 { 1.0 } else { ((5.0 + length) / 6.0) ^ power }

// The k sequences of each batch row with the largest scores.
fn best_of(all: (i32[b, m, t], i32[b, m], [b, m]), k: int) {
  let (tokens, lengths, scores) = all
  let top  = topk(scores, k)
  let flat = top.indices + reshape(iota(b) * m, [b, 1])
  (gather(reshape(tokens, [b * m, t]), flat), gather(reshape(lengths, [b * m]), flat), top.values)
}
