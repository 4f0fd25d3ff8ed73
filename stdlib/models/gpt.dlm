// GPT-2 with the parameter names and layouts of Hugging Face's files: weights of dense layers are [in, out] there.
import { Embedding } from "std/nn/embedding"
import { LayerNorm } from "std/nn/norm"
import { Dropout } from "std/nn/dropout"
import { causal_mask, scaled_dot_product_attention } from "std/nn/attention"

// y = x · W + b, W: [nx, nf], as GPT-2's files have it.
layer Conv1D(nx: int, nf: int, std: real = 0.02) {
  param weight: [nx, nf] = normal(std)
  param bias: [nf] = zeros()
  fn forward(x: [..., nx]) -> [..., nf] = x @ weight + bias
}

// Causal self-attention, and the same over cached keys and values.
layer Attention(d: int, heads: int, depth: int, dropout: real) requires d % heads == 0 {
  let dh     = d / heads
  let c_attn = Conv1D(d, 3 * d)
  let c_proj = Conv1D(d, d, 0.02 / sqrt(2.0 * depth))
  let drop   = Dropout(dropout)
  cache keys:   [b, heads, cap, dh]
  cache values: [b, heads, cap, dh]

  fn fan(x: [b, t, d]) -> [b, heads, t, dh] = rearrange[b t (heads dh) -> b heads t dh](x)
  fn join(x: [b, heads, t, dh]) -> [b, t, d] = drop(c_proj(rearrange[b heads t dh -> b t (heads dh)](x)))

  fn forward(x: [b, t, d]) -> [b, t, d] {
    let (q, k, v) = split(c_attn(x), 3, axis=-1)
    scaled_dot_product_attention(fan(q), fan(k), fan(v), causal_mask(t), dropout) |> join
  }
  fn extend(x: [b, t, d], pos: i32[]) -> [b, t, d] {
    let (q, k, v) = split(c_attn(x), 3, axis=-1)
    update keys   = put(keys, fan(k), at=pos, axis=2)
    update values = put(values, fan(v), at=pos, axis=2)
    let hidden = for i < t, j < cap => j > pos + i
    scaled_dot_product_attention(fan(q), keys, values, hidden) |> join
  }
}

layer Mlp(d: int, hidden: int, depth: int, dropout: real) {
  let c_fc   = Conv1D(d, hidden)
  let c_proj = Conv1D(hidden, d, 0.02 / sqrt(2.0 * depth))
  let drop   = Dropout(dropout)
  fn forward(x: [b, t, d]) -> [b, t, d] = x |> c_fc |> gelu(approximate="tanh") |> c_proj |> drop
}

// One block of GPT-2: attention and two dense layers, each after a norm and with a residual.
layer Gpt2Block(d: int, heads: int, depth: int = 1, dropout: real = 0.1, eps: real = 1e-5) {
  let ln_1 = LayerNorm(d, eps=eps)
  let attn = Attention(d, heads, depth, dropout)
  let ln_2 = LayerNorm(d, eps=eps)
  let mlp  = Mlp(d, 4 * d, depth, dropout)

  fn forward(x: [b, t, d]) -> [b, t, d] {
    let x = x + attn(ln_1(x))
    x + mlp(ln_2(x))
  }
  fn extend(x: [b, t, d], pos: i32[]) -> [b, t, d] {
    let x = x + attn.extend(ln_1(x), pos)
    x + mlp(ln_2(x))
  }
}

/// GPT-2 (Radford et al. 2019): ids [b, t] -> logits [b, t, vocab], the head tied to the embedding. The small model's
/// 124,439,808 parameters; medium is d=1024, heads=16, depth=24, large 1280, 20 and 36, xl 1600, 25 and 48. GPT (2018)
/// differs by norms after the residuals, GPT-3 (Brown et al. 2020; 175B: 12288, 96, 96, max_len=2048) by sparse
/// attention in every other block. Paths: `wte`, `wpe`, `h.0.attn.c_attn`, …, `ln_f`.
export model Gpt2(vocab: int = 50257, d: int = 768, heads: int = 12, depth: int = 12, max_len: int = 1024, dropout: real = 0.1) {
  let wte  = Embedding(vocab, d, init=normal(0.02))
  let wpe  = Embedding(max_len, d, init=normal(0.01))
  let drop = Dropout(dropout)
  let h    = for i in 0..depth => Gpt2Block(d, heads, depth, dropout)
  let ln_f = LayerNorm(d)

  fn head(x: [..., d]) -> [..., vocab] = linear(ln_f(x), wte.weight)

  export fn forward(ids: i32[b, t]) -> [b, t, vocab] requires t <= max_len =
    head(fold x = drop(wte(ids) + wpe(iota(t))) over block in h => block(x))

  /// Logits of what follows `ids`, which stand at `pos` after the tokens of earlier calls of this session.
  export fn decode(ids: i32[b, t], pos: i32[]) -> [b, vocab] {
    let x = fold x = wte(ids) + wpe(pos + iota(t)) over block in h => block.extend(x, pos)
    head(x[:, -1])
  }
}
