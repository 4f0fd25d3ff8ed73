// Padding by what lies inside: reflected, repeated or from the other end, as torch.nn.functional.pad.

type PaddingMode = "zeros" | "reflect" | "replicate" | "circular"

/// An axis of x with `before` and `after` elements more: zeros, x mirrored at its ends (which are not repeated), its
/// ends repeated, or x from its other end.
export fn pad_axis(x: [...], before: int, after: int, axis: int = -1, mode: PaddingMode = "zeros") requires before >= 0, after >= 0 =
  if before == 0 && after == 0 { x }
  else if mode == "zeros" { pad(x, before, after, axis=axis) }
  else { transpose(widened(transpose(x, axis, -1), before, after, mode), axis, -1) }

// The last axis. Pieces without elements are left out.
fn widened(x: [...s, n], before: int, after: int, mode: PaddingMode) {
  let start = if before == 0 { [] }
    else if mode == "reflect" { [flip(x[..., 1:before + 1], axis=-1)] }
    else if mode == "replicate" { [broadcast_to(x[..., :1], shape(x)[:rank(x) - 1] + [before])] }
    else { [x[..., n - before:]] }
  let end = if after == 0 { [] }
    else if mode == "reflect" { [flip(x[..., n - 1 - after:n - 1], axis=-1)] }
    else if mode == "replicate" { [broadcast_to(x[..., n - 1:], shape(x)[:rank(x) - 1] + [after])] }
    else { [x[..., :after]] }
  concat(start + [x] + end, axis=-1)
}

/// How many elements a convolution's `padding` puts before and after an axis, for a stride of 1 where it is "same".
export fn conv_margins(padding: int | str | (int, int), kernel_size: int, dilation: int = 1) -> (int, int) {
  let reach = dilation * (kernel_size - 1)
  if kind(padding) == "tuple" { padding }
  else if kind(padding) == "int" { (padding, padding) }
  else if padding == "valid" { (0, 0) }
  else if padding == "causal" { (reach, 0) }
  else { (floor_div(reach, 2), reach - floor_div(reach, 2)) }
}

// [b, c, ...s] with the last axes padded by `padding`: a number for all, or pairs from the last axis on, as in torch.
fn pad_all(x: [b, c, ...s], padding: int | list, mode: PaddingMode) {
  let axes = rank(x) - 2
  let sides = if kind(padding) == "int" { for i in 0..axes => (padding, padding) }
    else { for i in 0..axes => (padding[2 * i], padding[2 * i + 1]) }
  fold x = x over i in 0..axes => pad_axis(x, sides[i][0], sides[i][1], axis=rank(x) - 1 - i, mode=mode)
}

/// Pads [b, c, ...s] with its mirror image. `padding`: a number, or [left, right, top, bottom, …], the last axis first.
layer ReflectionPad(padding: int | list) {
  fn forward(x: [b, c, ...s]) = pad_all(x, padding, "reflect")
}

/// Pads [b, c, ...s] with its outermost elements. `padding` as in `ReflectionPad`.
layer ReplicationPad(padding: int | list) {
  fn forward(x: [b, c, ...s]) = pad_all(x, padding, "replicate")
}

/// Pads [b, c, ...s] with what lies at its other end. `padding` as in `ReflectionPad`.
layer CircularPad(padding: int | list) {
  fn forward(x: [b, c, ...s]) = pad_all(x, padding, "circular")
}

/// Pads [b, c, ...s] with zeros. `padding` as in `ReflectionPad`.
layer ZeroPad(padding: int | list) {
  fn forward(x: [b, c, ...s]) = pad_all(x, padding, "zeros")
}

/// [b, c, l] padded with its mirror image; `padding` a number or [left, right].
export const ReflectionPad1d = ReflectionPad
/// [b, c, h, w] padded with its mirror image; `padding` a number or [left, right, top, bottom].
export const ReflectionPad2d = ReflectionPad
/// [b, c, d, h, w] padded with its mirror image; `padding` a number or [left, right, top, bottom, front, back].
export const ReflectionPad3d = ReflectionPad
/// [b, c, l] padded with its outermost elements; `padding` a number or [left, right].
export const ReplicationPad1d = ReplicationPad
/// [b, c, h, w] padded with its outermost elements; `padding` a number or [left, right, top, bottom].
export const ReplicationPad2d = ReplicationPad
/// [b, c, d, h, w] padded with its outermost elements; `padding` a number or [left, right, top, bottom, front, back].
export const ReplicationPad3d = ReplicationPad
/// [b, c, l] padded with what lies at its other end; `padding` a number or [left, right].
export const CircularPad1d = CircularPad
/// [b, c, h, w] padded with what lies at its other end; `padding` a number or [left, right, top, bottom].
export const CircularPad2d = CircularPad
/// [b, c, d, h, w] padded with what lies at its other end; `padding` a number or [left, right, top, bottom, front, back].
export const CircularPad3d = CircularPad
/// [b, c, l] padded with zeros; `padding` a number or [left, right].
export const ZeroPad1d = ZeroPad
/// [b, c, h, w] padded with zeros; `padding` a number or [left, right, top, bottom].
export const ZeroPad2d = ZeroPad
/// [b, c, d, h, w] padded with zeros; `padding` a number or [left, right, top, bottom, front, back].
export const ZeroPad3d = ZeroPad
