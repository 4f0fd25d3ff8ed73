import { Linear, LayerNorm } from "std/nn"

/// A pre-norm transformer block with causal attention.
export model Block(d: int = 64, heads: int = 4) {
  let dh   = d / heads
  let ln_1 = LayerNorm(d)
  let qkv  = Linear(d, 3 * d)
  let out  = Linear(d, d)
  let ln_2 = LayerNorm(d)
  let fc   = Linear(d, 4 * d)
  let proj = Linear(4 * d, d)

  fn fan(x: [b, t, d]) -> [b, heads, t, dh] = rearrange[b t (heads dh) -> b heads t dh](x)
  fn attend(x: [b, t, d]) -> [b, t, d] {
    let (q, k, v) = split(qkv(x), 3, axis=-1)
    let scores = einsum[b h t e, b h s e -> b h t s](fan(q), fan(k)) / sqrt(dh)
    let allow = for i < t, j < t => j <= i
    let seen = einsum[b h t s, b h s e -> b h t e](
      softmax(where(allow, scores, -inf), axis=-1),
      fan(v),
    )
    rearrange[b heads t dh -> b t (heads dh)](seen) |> out
  }
  export fn forward(x: [b, t, d]) -> [b, t, d] {
    let x = x + attend(ln_1(x))
    x + (x |> ln_2 |> fc |> gelu |> proj)
  }
  export fn hold(x: [b, t, d]) -> [b, t, d] = x
}

/// Causal attention alone.
export model Attention(heads: int = 8, dh: int = 64) {
  export fn forward(q: [b, heads, t, dh], k: [b, heads, t, dh], v: [b, heads, t, dh]) -> [b, heads, t, dh] {
    let scores = einsum[b h t e, b h s e -> b h t s](q, k) / sqrt(dh)
    let allow = for i < t, j < t => j <= i
    einsum[b h t s, b h s e -> b h t e](softmax(where(allow, scores, -inf), axis=-1), v)
  }
  export fn hold(x: [b, heads, t, dh]) -> [b, heads, t, dh] = x
}
