// exec: b=2 s=3 t=3 src<5 tgt<5 max_new=3 Seq2Seq.src_vocab=5 Seq2Seq.tgt_vocab=5 Seq2Seq.d=4
// Seq2seq, Bahdanau attention, teacher forcing, greedy decode
import { Linear, Embedding, GRU, GRUCell } from "std/nn"
import { Adam, global_norm } from "std/optim"

layer Bahdanau(d: int) {
  let query = Linear(d, d, bias=false)
  let key   = Linear(d, d, bias=false)
  let score = Linear(d, 1, bias=false)
  fn forward(h: [b, d], memory: [b, s, d], keep: bool[b, s]) -> (context: [b, d], weights: [b, s]) {
    let e = tanh(key(memory) + rearrange[b d -> b 1 d](query(h))) |> score
    let w = softmax(where(keep, rearrange[b s 1 -> b s](e), -inf), axis=-1)
    (context=einsum[b s, b s d -> b d](w, memory), weights=w)
  }
}

export model Seq2Seq(src_vocab: int, tgt_vocab: int, d: int = 256, bos: int = 1, eos: int = 2) {
  let src_embed = Embedding(src_vocab, d)
  let tgt_embed = Embedding(tgt_vocab, d)
  let encoder   = GRU(d, d)
  let attention = Bahdanau(d)
  let cell      = GRUCell(2 * d, d)
  let out       = Linear(d, tgt_vocab)

  export fn encode(src: i32[b, s]) -> (memory: [b, s, d], h: [b, d]) {
    let r = encoder(src_embed(src))
    (memory=r.out, h=r.h[0])
  }
  fn step_once(tok: i32[b], h: [b, d], memory: [b, s, d], keep: bool[b, s])
    -> (logits: [b, tgt_vocab], h: [b, d], weights: [b, s]) {
    let a = attention(h, memory, keep)
    let h = cell(concat([tgt_embed(tok), a.context], axis=-1), h)
    (logits=out(h), h=h, weights=a.weights)
  }
  /// Teacher forcing: inputs are the gold tokens shifted right.
  export fn forward(src: i32[b, s], tgt: i32[b, t]) -> [b, t, tgt_vocab] {
    let m = encode(src)
    let shifted = concat([full([b, 1], bos), tgt[:, : t - 1]], axis=1)
    let (logits, _) = scan h = m.h over tok in shifted along 1 => {
      let r = step_once(tok, h, m.memory, src != 0)
      (r.h, r.logits)
    }
    logits
  }
  export fn greedy(src: i32[b, s], max_new: int) -> (tokens: i32[b, max_new], weights: [b, max_new, s]) {
    let m = encode(src)
    let start = (m.h, full([b], bos), full([b], false))
    let ((tokens, weights), _) = scan (h, tok, done) = start over i < max_new while !all(done) => {
      let r   = step_once(tok, h, m.memory, src != 0)
      let tok = where(done, 0, argmax(r.logits, axis=-1))
      ((r.h, tok, done || tok == eos), (tok, r.weights))
    }
    (tokens=rearrange[t b -> b t](tokens), weights=rearrange[t b s -> b t s](weights))
  }
}

export train FitSeq2Seq(net: Seq2Seq) {
  batch src: i32[b, s], tgt: i32[b, t]
  minimize cross_entropy(net(src, tgt), tgt, ignore_index=0) using Adam(lr=1e-3) with { clip=global_norm(1.0) }
}
