layer Attention(d: int, heads: int) {
  let dh = d / heads
  param w: [heads, dh] = ones()
  fn forward(x: [b, d]) -> [b, heads, dh] = rearrange[b (heads dh) -> b heads dh](x) * w
}

export model Tiny() {
  let attn = Attention(386, 6)
  export fn forward(x: [b, 386]) = attn(x)
}
