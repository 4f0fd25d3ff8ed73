layer Mha(d: int = 512, heads: int = 8) {
  fn forward(x: [b, t, d]) = rearrange[b t (dh heads) -> b heads t dh](x, dh=8)
}
