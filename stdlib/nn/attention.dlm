/// Attention.
import { xavier_uniform } from "std/init"
import { Linear } from "std/nn/linear"

/// Scaled dot-product attention (Vaswani et al. 2017). `ignore` broadcasts to [b, h, t, s]: true where
/// position t may not attend to s.
fn attention(q: [b, h, t, e], k: [b, h, s, e], v: [b, h, s, e], ignore: bool[...m]? = none) -> [b, h, t, e] {
  let scores = einsum[b h t e, b h s e -> b h t s](q, k) / sqrt(e)
  let masked = if ignore != none { where(ignore, -inf, scores) } else { scores }
  einsum[b h t s, b h s e -> b h t e](softmax(masked, axis=-1), v)
}

/// Attention with several heads, parameters laid out as in torch.nn.MultiheadAttention (batch first).
/// Masks have PyTorch's polarity: true is ignored.
export layer MultiheadAttention(embed_dim: int, num_heads: int, bias: bool = true) {
  let dh = embed_dim / num_heads
  param in_proj_weight: [3 * embed_dim, embed_dim] = xavier_uniform()
  param in_proj_bias: [3 * embed_dim] = zeros() when bias
  let out_proj = Linear(embed_dim, embed_dim, bias=bias)

  fn project(x: [b, t, embed_dim], part: int) -> [b, num_heads, t, dh] {
    let w = split(in_proj_weight, 3, axis=0)[part]
    let y = if in_proj_bias != none { linear(x, w, split(in_proj_bias, 3, axis=0)[part]) } else { linear(x, w) }
    rearrange[b t (num_heads dh) -> b num_heads t dh](y)
  }

  fn forward(query: [b, t, embed_dim], key: [b, s, embed_dim], value: [b, s, embed_dim],
             key_padding_mask: bool[b, s]? = none, attn_mask: bool[t, s]? = none) -> (out: [b, t, embed_dim]) {
    let (q, k, v) = (project(query, 0), project(key, 1), project(value, 2))
    let pad = if key_padding_mask != none { rearrange[b s -> b 1 1 s](key_padding_mask) } else { none }
    let ignore = if pad == none { attn_mask } else { if attn_mask == none { pad } else { pad || attn_mask } }
    (out=out_proj(rearrange[b num_heads t dh -> b t (num_heads dh)](attention(q, k, v, ignore))))
  }
}
