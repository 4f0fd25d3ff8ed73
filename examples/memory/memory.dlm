// An end-to-end memory network (Sukhbaatar et al. 2015): a question looks several times into the sentences of a story.
import { Embedding } from "std/nn"
import { Adam, global_norm } from "std/optim"

/// Ids of words, 0 is padding; answers are words too.
export model MemoryNetwork(words: int = 24, d: int = 32, hops: int = 2, longest: int = 10) {
  // Adjacent layers share tables: what hop k gives out is what hop k + 1 looks for.
  let tables = for i in 0..hops + 1 => Embedding(words, d, padding_idx=0, init=normal(0.1))
  let ages   = for i in 0..hops + 1 => Embedding(longest, d, init=normal(0.1))

  // A sentence is the sum of its words. The last sentence has age 0.
  fn sentences(story: i32[b, s, w], table: Embedding, age: Embedding) -> [b, s, d] requires s <= longest =
    sum(table(story), axis=2) + age(s - 1 - iota(s))

  fn look(story: i32[b, s, w], question: i32[b, q]) requires s <= longest {
    let asked = sum(tables[0](question), axis=1)
    fold (u, seen) = (asked, []) over i in 0..hops => {
      let p = softmax(einsum[b d, b s d -> b s](u, sentences(story, tables[i], ages[i])), axis=-1)
      (u + einsum[b s, b s d -> b d](p, sentences(story, tables[i + 1], ages[i + 1])), append(seen, p))
    }
  }

  fn forward(story: i32[b, s, w], question: i32[b, q]) -> [b, words] requires s <= longest {
    let (u, _) = look(story, question)
    linear(u, tables[hops].weight)
  }
  export fn answer(story: i32[b, s, w], question: i32[b, q]) -> i32[b] requires s <= longest = argmax(forward(story, question), axis=-1)
  /// What each hop looks at.
  export fn attention(story: i32[b, s, w], question: i32[b, q]) -> [b, hops, s] requires s <= longest {
    let (_, seen) = look(story, question)
    stack(seen, axis=1)
  }
}

export train Fit(net: MemoryNetwork, lr: f32[] = 5e-3) {
  batch story: i32[b, s, w], question: i32[b, q], answer: i32[b]
  minimize cross_entropy(net(story, question), answer) using Adam(lr=lr) with { clip=global_norm(5.0) }
}
