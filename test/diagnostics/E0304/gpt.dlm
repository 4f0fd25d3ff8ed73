export layer CausalAttention(d: int, heads: int) {
  let dh = d / heads
  param w: [heads, dh] = ones()
  fn forward(x: [b, d]) -> [b, heads, dh] = rearrange[b (heads dh) -> b heads dh](x) * w
}

export layer Block(d: int, heads: int) {
  let attn = CausalAttention(d, heads)
  fn forward(x: [b, d]) -> [b, heads, _] = attn(x)
}
