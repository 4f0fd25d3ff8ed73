// Resizing: nearest and linear, as torch.nn.functional.interpolate.

type Pair = int | (int, int)

// Where element i of `out` takes the places of `n` from, as weights [out, n].
fn linear_weights(n: int, out: int, align_corners: bool) -> [out, n] {
  let i = f32(iota(out))
  let at = if align_corners { i * (f32(n - 1) / f32(max(out - 1, 1))) }
    else { max((i + 0.5) * (f32(n) / f32(out)) - 0.5, 0.0) }
  let at = min(at, f32(n - 1))
  max(1.0 - abs(reshape(at, [out, 1]) - f32(iota(n))), 0.0)
}

fn nearest_ids(n: int, out: int) -> i32[out] = floor_div(iota(out) * n, out)

/// [b, c, l] at another length. "linear" interpolates, "nearest" repeats.
export fn interpolate1d(x: [b, c, l], size: int, mode: "nearest" | "linear" = "nearest", align_corners: bool = false) -> [b, c, size] =
  if mode == "nearest" { gather(x, nearest_ids(l, size), axis=2) }
  else { einsum[b c l, o l -> b c o](x, linear_weights(l, size, align_corners)) }

/// [b, c, h, w] at another size. "bilinear" interpolates, "nearest" repeats.
export fn interpolate2d(x: [b, c, h, w], size: Pair, mode: "nearest" | "bilinear" = "nearest", align_corners: bool = false) {
  let (oh, ow) = pair(size)
  if mode == "nearest" { gather(gather(x, nearest_ids(h, oh), axis=2), nearest_ids(w, ow), axis=3) }
  else {
    let rows = einsum[b c h w, p h -> b c p w](x, linear_weights(h, oh, align_corners))
    einsum[b c p w, q w -> b c p q](rows, linear_weights(w, ow, align_corners))
  }
}

/// [b, c, d, h, w] at another size. "trilinear" interpolates, "nearest" repeats.
export fn interpolate3d(x: [b, c, d, h, w], size: int | (int, int, int), mode: "nearest" | "trilinear" = "nearest", align_corners: bool = false) {
  let (od, oh, ow) = triple(size)
  if mode == "nearest" {
    gather(gather(gather(x, nearest_ids(d, od), axis=2), nearest_ids(h, oh), axis=3), nearest_ids(w, ow), axis=4)
  } else {
    let planes = einsum[b c d h w, r d -> b c r h w](x, linear_weights(d, od, align_corners))
    let rows = einsum[b c r h w, p h -> b c r p w](planes, linear_weights(h, oh, align_corners))
    einsum[b c r p w, q w -> b c r p q](rows, linear_weights(w, ow, align_corners))
  }
}

/// [b, c, h, w] with height and width multiplied by `scale_factor`.
export layer Upsample(scale_factor: int, mode: "nearest" | "bilinear" = "nearest", align_corners: bool = false) {
  fn forward(x: [b, c, h, w]) -> [b, c, h * scale_factor, w * scale_factor] =
    if mode == "nearest" { rearrange[b c h w -> b c (h p) (w q)](x, p=scale_factor, q=scale_factor) }
    else { interpolate2d(x, (h * scale_factor, w * scale_factor), mode, align_corners) }
}
