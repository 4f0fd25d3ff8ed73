// A tiny GPT-2 that learns the sentences of a grammar and writes some.
import { Gpt2 } from "std/models"
import { sample } from "std/decode"
import { AdamW, cosine, global_norm } from "std/optim"

/// Ids of words, 0 is padding.
export model Writer(words: int = 20, d: int = 48, heads: int = 4, depth: int = 2, max_len: int = 48) {
  let gpt = Gpt2(words, d, heads, depth, max_len, dropout=0.0)

  /// Logits of what follows each word.
  export fn forward(ids: i32[b, t]) -> [b, t, words] requires t <= max_len = gpt(ids)
  /// Logits of what follows the last of `ids`, which stand at `pos`: keys and values of the words before are kept.
  export fn decode(ids: i32[b, t], pos: i32[]) -> [b, words] = gpt.decode(ids, pos)
  /// A word by temperature, top-k and nucleus sampling; temperature 0 takes the likeliest.
  export fn choose(logits: [b, words], temperature: f32[]) -> i32[b] = sample(logits, temperature, top_k=12, top_p=0.98)
}

export train Fit(net: Writer, lr: f32[] = 5e-3, steps: i32[] = 900) {
  batch ids: i32[b, t], next: i32[b, t]
  let logits = net(ids)
  minimize cross_entropy(logits, next, ignore_index=0)
    using AdamW(lr=cosine(lr, steps, warmup=50), weight_decay=0.01) with { clip=global_norm(1.0) }
  // Over all words of a data set, not over batches.
  let nll = -sum(one_hot(next, net.words) * log_softmax(logits), axis=-1)
  metric perplexity = exp(total(sum(where(next != 0, nll, 0.0))) / total(sum(f32(next != 0))))
}
