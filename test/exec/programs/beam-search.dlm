// exec: b=2 s=3 steps=5 first<7 ids<7 y<7
// Beam search as a loop whose carry are the beams: their tokens, scores and last tokens.
import { Embedding, Linear } from "std/nn"
import { Adam } from "std/optim"

export model Bigram(vocab: int = 7, d: int = 5, width: int = 3) {
  let embed = Embedding(vocab, d)
  let out   = Linear(d, vocab)
  fn forward(ids: i32[...s]) -> [...s, vocab] = ids |> embed |> tanh |> out

  export fn beam(first: i32[b], steps: int) -> (tokens: i32[b, width, steps], score: [b, width]) {
    let only = for i < b, w < width => if w == 0 { 0.0 } else { -inf }
    let begin = (full([b, width, steps], 0), only, for i < b, w < width => first[i])
    let (tokens, score, _) = fold (tokens, score, last) = begin over t < steps => {
      let logp = rearrange[b w -> b w 1](score) + log_softmax(forward(last))
      let best = topk(rearrange[b w v -> b (w v)](logp), width)
      let parent = floor_div(best.indices, vocab)
      let token = best.indices % vocab
      let kept = for i < b, w < width, j < steps => tokens[i, parent[i, w], j] ?? 0
      let next = for i < b, w < width, j < steps => if j == t { token[i, w] } else { kept[i, w, j] }
      (next, best.values, token)
    }
    (tokens=tokens, score=score)
  }
}

export train FitBigram(net: Bigram) {
  batch first: i32[b], y: i32[b]
  minimize cross_entropy(net(first), y) using Adam(lr=1e-2)
}
