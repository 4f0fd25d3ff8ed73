// BERT, RoBERTa and ALBERT, small: pre-training on hidden words and pairs of sentences, then a classifier that starts from
// what was learned.
import { AlbertForPreTraining, Bert, BertForPreTraining } from "std/models"
import { Linear } from "std/nn"
import { AdamW, cosine, global_norm } from "std/optim"

const words   = 80
const d       = 48
const longest = 20
const homes   = 4

// How many guesses of hidden words are right, and how many words were hidden.
fn hits(logits: [b, t, words], targets: i32[b, t]) -> (right: [], asked: []) =
  (right=sum(f32(argmax(logits, axis=-1) == targets)), asked=sum(f32(targets != -100)))

/// Hidden words, and whether a sentence follows another (Devlin et al. 2019).
export model MaskedBert() {
  let net = BertForPreTraining(words, d, 4, 2, 2 * d, longest, dropout=0.0)
  /// Probabilities of the words at each place.
  export fn guess(ids: i32[b, t], hidden: bool[b, t], types: i32[b, t]) -> [b, t, words] requires t <= longest =
    softmax(net(ids, hidden, types).tokens)
}
export train FitBert(net: MaskedBert, lr: f32[] = 4e-3, steps: i32[] = 1000) {
  batch ids: i32[b, t], hidden: bool[b, t], types: i32[b, t], targets: i32[b, t], label: i32[b]
  let r = net.net(ids, hidden, types)
  let n = hits(r.tokens, targets)
  minimize cross_entropy(r.tokens, targets) + cross_entropy(r.follows, label)
    using AdamW(lr=cosine(lr, steps, warmup=50), weight_decay=0.01) with { clip=global_norm(1.0) }
  metric masked = total(n.right) / total(n.asked)
  metric pairs  = mean(f32(argmax(r.follows, axis=-1) == label))
}

/// Hidden words alone, others in each epoch (Liu et al. 2019). RoBERTa's base model is
/// Bert(vocab=50265, max_len=514, types=1, eps=1e-5).
export model MaskedRoberta() {
  let net = BertForPreTraining(words, d, 4, 2, 2 * d, longest, dropout=0.0)
}
export train FitRoberta(net: MaskedRoberta, lr: f32[] = 4e-3, steps: i32[] = 1000) {
  batch ids: i32[b, t], hidden: bool[b, t], types: i32[b, t], targets: i32[b, t]
  let r = net.net(ids, hidden, types)
  let n = hits(r.tokens, targets)
  minimize cross_entropy(r.tokens, targets) of except(net, net.net.bert.pooler, net.net.follows)
    using AdamW(lr=cosine(lr, steps, warmup=50), weight_decay=0.01) with { clip=global_norm(1.0) }
  metric masked = total(n.right) / total(n.asked)
}

/// Hidden words, and whether two sentences are in their order, with one layer for all depths (Lan et al. 2020).
export model MaskedAlbert() {
  let net = AlbertForPreTraining(words, 24, d, 4, 2, 2 * d, longest)
}
export train FitAlbert(net: MaskedAlbert, lr: f32[] = 4e-3, steps: i32[] = 1000) {
  batch ids: i32[b, t], hidden: bool[b, t], types: i32[b, t], targets: i32[b, t], label: i32[b]
  let r = net.net(ids, hidden, types)
  let n = hits(r.tokens, targets)
  minimize cross_entropy(r.tokens, targets) + cross_entropy(r.order, label)
    using AdamW(lr=cosine(lr, steps, warmup=50), weight_decay=0.01) with { clip=global_norm(1.0) }
  metric masked = total(n.right) / total(n.asked)
  metric pairs  = mean(f32(argmax(r.order, axis=-1) == label))
}

// A sentence is the mean of what a network makes of its words.
fn mean_of(x: [b, t, d], hidden: bool[b, t]) -> [b, d] {
  let real = f32(!hidden)
  einsum[b t d, b t -> b d](x, real) / sum(real, axis=1, keepdim=true)
}

/// Where the animals of a sentence live. Names of weights are those of the pre-trained models.
export model BertClassifier() {
  @name("net.bert.{path}") let bert = Bert(words, d, 4, 2, 2 * d, longest, dropout=0.0)
  let head = Linear(d, homes)
  fn forward(ids: i32[b, t], hidden: bool[b, t]) -> [b, homes] requires t <= longest =
    head(mean_of(bert(ids, hidden).hidden, hidden))
}
export train TuneBert(net: BertClassifier, lr: f32[] = 5e-4) {
  batch ids: i32[b, t], hidden: bool[b, t], label: i32[b]
  let logits = net(ids, hidden)
  minimize cross_entropy(logits, label) of except(net, net.bert.pooler) using AdamW(lr=lr, weight_decay=0.01)
  metric accuracy = mean(f32(argmax(logits, axis=-1) == label))
}
