// Waves without labels: CPC says what comes next, one after wav2vec what was covered.
import { Conv1d, GRU, LearnedPositionalEmbedding, Linear, TransformerEncoder } from "std/nn"
import { info_nce } from "std/loss"
import { Adam, global_norm } from "std/optim"

// Frames of eight samples become vectors.
layer Ear(d: int) {
  let conv1 = Conv1d(1, 2 * d, 8, stride=8)
  let conv2 = Conv1d(2 * d, d, 1)
  fn forward(wave: [b, 160]) -> [b, 20, d] =
    rearrange[b d t -> b t d](conv2(relu(conv1(reshape(wave, [b, 1, 160])))))
}

/// Contrastive predictive coding (van den Oord et al. 2018): what was heard, summed up by a GRU, says each of the next
/// `ahead` frames by a map of its own.
export model Cpc(d: int = 32, ahead: int = 3) {
  let ear  = Ear(d)
  let sum_up = GRU(d, d)
  let next = for k in 0..ahead => Linear(d, d)
  export fn features(wave: [b, 160]) -> [b, 20, d] = sum_up(ear(wave)).out
  // Each frame is to be found among those of the whole batch.
  fn surprise(wave: [b, 160]) -> [] {
    let z = ear(wave)
    let c = sum_up(z).out
    let each = for k in 0..ahead =>
      info_nce(rearrange[b t d -> (b t) d](next[k](c[:, : 19 - k])), rearrange[b t d -> (b t) d](z[:, k + 1 :]), 0.2)
    (fold s = 0.0 over e in each => s + e) / ahead
  }
}

export train FitCpc(net: Cpc, lr: f32[] = 3e-3) {
  batch wave: f32[b, 160]
  minimize net.surprise(wave) using Adam(lr=lr) with { clip=global_norm(1.0) }
}

/// After wav2vec 2.0 (Baevski et al. 2020), without its code book: frames are covered, and from what is around, a
/// transformer says which frame each of them was.
export model Wav2Vec(d: int = 32) {
  let ear   = Ear(d)
  let place = LearnedPositionalEmbedding(20, d)
  let body  = TransformerEncoder(d, 2, 1, dim_feedforward=2 * d, dropout=0.0, norm_first=true, norm=true)
  let out   = Linear(d, d)
  let aim   = Linear(d, d)
  param cover: [d] = normal(0.1)
  export fn features(wave: [b, 160]) -> [b, 20, d] = body(place(ear(wave)))

  fn surprise(wave: [b, 160]) -> [] {
    let z = ear(wave)
    // A third of the frames, in spans of two.
    let starts  = bernoulli([b, 20], 0.18)
    let covered = for i < b, j < 20 => starts[i, j] || (starts[i, j - 1] ?? false)
    let hidden  = rearrange[b t -> b t 1](covered)
    let guess = l2_normalize(out(body(place(where(hidden, cover, z)))))
    // Told from the frames of its own utterance: others differ in loudness already.
    let near = einsum[b t d, b s d -> b t s](guess, l2_normalize(aim(z))) / 0.2
    let off  = cross_entropy(near, rearrange[t -> b t](iota(20), b=b), reduction="none")
    sum(f32(covered) * off) / max(sum(f32(covered)), 1.0)
  }
}

export train FitWav2Vec(net: Wav2Vec, lr: f32[] = 3e-3) {
  batch wave: f32[b, 160]
  minimize net.surprise(wave) using Adam(lr=lr) with { clip=global_norm(1.0) }
}
