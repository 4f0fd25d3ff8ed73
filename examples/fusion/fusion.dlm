// Several senses, one answer: encoders for pictures, sounds and words, and ways to bring together what they say.
import { Bilinear, Conv1d, Conv2d, Embedding, LearnedPositionalEmbedding, Linear, MaxPool2d, MultiheadAttention } from "std/nn"
import { info_nce } from "std/loss"
import { Adam } from "std/optim"

// Each sense becomes a row of vectors.
layer Eye(d: int) {
  let conv1 = Conv2d(1, d, 3, padding=1)
  let conv2 = Conv2d(d, d, 3, padding=1)
  let pool  = MaxPool2d(2)
  let place = LearnedPositionalEmbedding(16, d)
  fn forward(picture: [b, 1, 8, 8]) -> [b, 16, d] =
    place(rearrange[b d h w -> b (h w) d](picture |> conv1 |> relu |> pool |> conv2 |> relu))
}
layer Ear(d: int) {
  let conv1 = Conv1d(1, d, 16, stride=8, padding=4)
  let conv2 = Conv1d(d, d, 1)
  fn forward(sound: [b, 1, 64]) -> [b, 8, d] = rearrange[b d t -> b t d](sound |> conv1 |> relu |> conv2 |> relu)
}
layer Reader(d: int, words: int) {
  let embed = Embedding(words, d, padding_idx=0, init=normal(0.3))
  let place = LearnedPositionalEmbedding(6, d)
  let fc    = Linear(d, d)
  fn forward(words: i32[b, 6]) -> [b, 6, d] = relu(fc(place(embed(words))))
}

/// Both rows look into the other one.
layer Exchange(d: int) {
  let first  = MultiheadAttention(d, 2)
  let second = MultiheadAttention(d, 2)
  fn forward(x: [b, n, d], y: [b, m, d]) -> [b, 2 * d] =
    concat([mean(x + first(x, y, y).out, axis=1), mean(y + second(y, x, x).out, axis=1)], axis=1)
}

type Way = "picture" | "words" | "concat" | "sum" | "max" | "bilinear" | "attention"

/// A joint representation of a picture and a sentence, or of one of them, and 16 answers.
layer Joint(way: Way, d: int, words: int) {
  let eye  = Eye(d)
  let read = Reader(d, words)
  let pair = if way == "bilinear" { Bilinear(d, d, d) } else if way == "attention" { Exchange(d) } else { none }
  let fc   = Linear(if way == "concat" || way == "attention" { 2 * d } else { d }, d)
  let out  = Linear(d, 16)
  fn joined(x: [b, 16, d], y: [b, 6, d]) {
    let (u, v) = (mean(x, axis=1), mean(y, axis=1))
    if way == "picture" { u } else if way == "words" { v }
    else if way == "concat" { concat([u, v], axis=1) }
    else if way == "sum" { u + v }
    else if way == "max" { max(u, v) }
    else if way == "bilinear" { pair(u, v) }
    else { pair(x, y) }
  }
  fn forward(picture: [b, 1, 8, 8], words: i32[b, 6]) -> [b, 16] = out(relu(fc(joined(eye(picture), read(words)))))
}

/// All ways beside each other. They share nothing, so one training trains each as if it were alone.
export model Ways(d: int = 16, words: int = 40) {
  let nets = for way in ["picture", "words", "concat", "sum", "max", "bilinear", "attention"] => Joint(way, d, words)
  fn logits(picture: [b, 1, 8, 8], words: i32[b, 6]) -> list = for net in nets => net(picture, words)
  export fn answers(picture: [b, 1, 8, 8], words: i32[b, 6]) -> i32[7, b] =
    stack(for each in logits(picture, words) => argmax(each, axis=-1))
}

export train FitWays(ways: Ways, lr: f32[] = 4e-3) {
  batch picture: f32[b, 1, 8, 8], words: i32[b, 6], y: i32[b]
  let off = for each in ways.logits(picture, words) => cross_entropy(each, y)
  minimize (fold s = 0.0 over e in off => s + e) using Adam(lr=lr)
}

/// Three senses, which look into each other pair by pair; beside it each sense alone. 64 answers.
export model Three(d: int = 16, words: int = 40) {
  let eyes  = for i in 0..2 => Eye(d)
  let ears  = for i in 0..2 => Ear(d)
  let reads = for i in 0..2 => Reader(d, words)
  let pairs = for i in 0..3 => Exchange(d)
  let fc    = Linear(6 * d, 2 * d)
  let out   = Linear(2 * d, 64)
  let alone = for i in 0..3 => Linear(d, 64)
  fn logits(picture: [b, 1, 8, 8], sound: [b, 1, 64], words: i32[b, 6]) -> list {
    let (x, y, z) = (eyes[0](picture), ears[0](sound), reads[0](words))
    let both = concat([pairs[0](x, y), pairs[1](y, z), pairs[2](z, x)], axis=1)
    let single = [mean(eyes[1](picture), axis=1), mean(ears[1](sound), axis=1), mean(reads[1](words), axis=1)]
    [out(relu(fc(both)))] + (for (head, h) in zip(alone, single) => head(h))
  }
  export fn answers(picture: [b, 1, 8, 8], sound: [b, 1, 64], words: i32[b, 6]) -> i32[4, b] =
    stack(for each in logits(picture, sound, words) => argmax(each, axis=-1))
}

export train FitThree(net: Three, lr: f32[] = 4e-3) {
  batch picture: f32[b, 1, 8, 8], sound: f32[b, 1, 64], words: i32[b, 6], y: i32[b]
  let off = for each in net.logits(picture, sound, words) => cross_entropy(each, y)
  minimize (fold s = 0.0 over e in off => s + e) using Adam(lr=lr)
}

/// A coordinated representation (CLIP, Radford et al. 2021): a picture and its caption come to one place, each by an
/// encoder of its own.
export model Coordinated(d: int = 32, words: int = 40) {
  let eye  = Eye(d)
  let read = Reader(d, words)
  let a = Linear(d, d)
  let b = Linear(d, d)
  export fn of_pictures(picture: [n, 1, 8, 8]) -> [n, d] = l2_normalize(a(mean(eye(picture), axis=1)))
  export fn of_captions(words: i32[n, 6]) -> [n, d] = l2_normalize(b(mean(read(words), axis=1)))
}

export train FitCoordinated(net: Coordinated, lr: f32[] = 4e-3) {
  batch picture: f32[n, 1, 8, 8], words: i32[n, 6]
  let (u, v) = (net.of_pictures(picture), net.of_captions(words))
  minimize info_nce(u, v, 0.1) + info_nce(v, u, 0.1) using Adam(lr=lr)
}
