// Pooling. Output length: ⌊(n + 2 · padding - dilation · (k - 1) - 1) / stride⌋ + 1, ⌈…⌉ where `ceil_mode`.

type Pair = int | (int, int)
type Triple = int | (int, int, int)

/// The largest element of each window of [b, c, l].
export fn max_pool1d(x: [b, c, l], kernel_size: int, stride: int? = none, padding: int = 0, dilation: int = 1, ceil_mode: bool = false) =
  max_pool(x, [kernel_size], stride=stride, padding=padding, dilation=dilation, ceil_mode=ceil_mode)

/// The largest element of each window of [b, c, h, w].
export fn max_pool2d(x: [b, c, h, w], kernel_size: Pair, stride: Pair? = none, padding: Pair = 0, dilation: Pair = 1, ceil_mode: bool = false) =
  max_pool(x, pair(kernel_size), stride=stride, padding=padding, dilation=dilation, ceil_mode=ceil_mode)

/// The largest element of each window of [b, c, d, h, w].
export fn max_pool3d(x: [b, c, d, h, w], kernel_size: Triple, stride: Triple? = none, padding: Triple = 0, dilation: Triple = 1, ceil_mode: bool = false) =
  max_pool(x, triple(kernel_size), stride=stride, padding=padding, dilation=dilation, ceil_mode=ceil_mode)

/// The mean of each window of [b, c, l].
export fn avg_pool1d(x: [b, c, l], kernel_size: int, stride: int? = none, padding: int = 0, ceil_mode: bool = false, count_include_pad: bool = true) =
  avg_pool(x, [kernel_size], stride=stride, padding=padding, ceil_mode=ceil_mode, count_include_pad=count_include_pad)

/// The mean of each window of [b, c, h, w].
export fn avg_pool2d(x: [b, c, h, w], kernel_size: Pair, stride: Pair? = none, padding: Pair = 0, ceil_mode: bool = false,
                     count_include_pad: bool = true, divisor_override: int? = none) =
  avg_pool(x, pair(kernel_size), stride=stride, padding=padding, ceil_mode=ceil_mode, count_include_pad=count_include_pad,
           divisor_override=divisor_override)

/// The mean of each window of [b, c, d, h, w].
export fn avg_pool3d(x: [b, c, d, h, w], kernel_size: Triple, stride: Triple? = none, padding: Triple = 0, ceil_mode: bool = false,
                     count_include_pad: bool = true, divisor_override: int? = none) =
  avg_pool(x, triple(kernel_size), stride=stride, padding=padding, ceil_mode=ceil_mode, count_include_pad=count_include_pad,
           divisor_override=divisor_override)

// Cell i of `size` covers the elements from ⌊i·n / size⌋ to ⌈(i+1)·n / size⌉, as in PyTorch.
fn covers(size: int, n: int) -> bool[size, n] =
  for i < size, j < n => j >= floor_div(i * n, size) && j < floor_div((i + 1) * n + size - 1, size)

fn shares(size: int, n: int) -> [size, n] {
  let inside = f32(covers(size, n))
  inside / sum(inside, axis=1, keepdim=true)
}

/// Means of [b, c, l] in `output_size` cells.
export fn adaptive_avg_pool1d(x: [b, c, l], output_size: int) -> [b, c, output_size] =
  einsum[b c l, o l -> b c o](x, shares(output_size, l))

/// Means of [b, c, h, w] in a grid of cells.
export fn adaptive_avg_pool2d(x: [b, c, h, w], output_size: Pair) {
  let (oh, ow) = pair(output_size)
  let rows = einsum[b c h w, p h -> b c p w](x, shares(oh, h))
  einsum[b c p w, q w -> b c p q](rows, shares(ow, w))
}

/// Means of [b, c, d, h, w] in a grid of cells.
export fn adaptive_avg_pool3d(x: [b, c, d, h, w], output_size: Triple) {
  let (od, oh, ow) = triple(output_size)
  let planes = einsum[b c d h w, r d -> b c r h w](x, shares(od, d))
  let rows = einsum[b c r h w, p h -> b c r p w](planes, shares(oh, h))
  einsum[b c r p w, q w -> b c r p q](rows, shares(ow, w))
}

// The last axis in cells: where many elements are largest, the gradient is shared.
fn largest(x: [...s, n], size: int) =
  max(where(covers(size, n), reshape(x, shape(x)[: rank(x) - 1] + [1, n]), -inf), axis=-1)

/// Largest elements of [b, c, l] in `output_size` cells.
export fn adaptive_max_pool1d(x: [b, c, l], output_size: int) -> [b, c, output_size] = largest(x, output_size)

/// Largest elements of [b, c, h, w] in a grid of cells.
export fn adaptive_max_pool2d(x: [b, c, h, w], output_size: Pair) {
  let (oh, ow) = pair(output_size)
  transpose(largest(transpose(largest(x, ow)), oh))
}

/// Largest elements of [b, c, d, h, w] in a grid of cells.
export fn adaptive_max_pool3d(x: [b, c, d, h, w], output_size: Triple) {
  let (od, oh, ow) = triple(output_size)
  let rows = transpose(largest(transpose(largest(x, ow)), oh))
  transpose(largest(transpose(rows, 2, 4), od), 2, 4)
}

/// Means over all positions: [b, c, ...s] -> [b, c].
export fn global_avg_pool(x: [b, c, ...s]) -> [b, c] = mean(x, axis=(for i in 2..rank(x) => i))

/// Largest elements over all positions: [b, c, ...s] -> [b, c].
export fn global_max_pool(x: [b, c, ...s]) -> [b, c] = max(x, axis=(for i in 2..rank(x) => i))

/// Pooled maxima of [b, c, l] back at their places, zeros elsewhere: the size before pooling is `output_size`, `taps`
/// comes from `max_pool_taps` with the same window.
export fn max_unpool1d(y: [b, c, p], taps: i32[b, c, p], output_size: int, kernel_size: int, stride: int? = none, padding: int = 0) =
  max_unpool(y, taps, [output_size], [kernel_size], stride=stride, padding=padding)

/// Pooled maxima of [b, c, h, w] back at their places, as `max_unpool1d`.
export fn max_unpool2d(y: [b, c, p, q], taps: i32[b, c, p, q], output_size: (int, int), kernel_size: Pair, stride: Pair? = none, padding: Pair = 0) =
  max_unpool(y, taps, output_size, pair(kernel_size), stride=stride, padding=padding)

/// Pooled maxima of [b, c, d, h, w] back at their places, as `max_unpool1d`.
export fn max_unpool3d(y: [b, c, p, q, r], taps: i32[b, c, p, q, r], output_size: (int, int, int), kernel_size: Triple, stride: Triple? = none, padding: Triple = 0) =
  max_unpool(y, taps, output_size, triple(kernel_size), stride=stride, padding=padding)

/// The largest element of each window of [b, c, l].
export layer MaxPool1d(kernel_size: int, stride: int? = none, padding: int = 0, dilation: int = 1, ceil_mode: bool = false) {
  fn forward(x: [b, c, l]) = max_pool1d(x, kernel_size, stride, padding, dilation, ceil_mode)
}

/// The mean of each window of [b, c, l].
export layer AvgPool1d(kernel_size: int, stride: int? = none, padding: int = 0, ceil_mode: bool = false, count_include_pad: bool = true) {
  fn forward(x: [b, c, l]) = avg_pool1d(x, kernel_size, stride, padding, ceil_mode, count_include_pad)
}

/// Means of [b, c, l] in a grid of cells.
export layer AdaptiveAvgPool1d(output_size: int) {
  fn forward(x: [b, c, l]) = adaptive_avg_pool1d(x, output_size)
}

/// The largest element of each window of [b, c, h, w].
export layer MaxPool2d(kernel_size: Pair, stride: Pair? = none, padding: Pair = 0, dilation: Pair = 1, ceil_mode: bool = false) {
  fn forward(x: [b, c, h, w]) = max_pool2d(x, kernel_size, stride, padding, dilation, ceil_mode)
}

/// The mean of each window of [b, c, h, w].
export layer AvgPool2d(kernel_size: Pair, stride: Pair? = none, padding: Pair = 0, ceil_mode: bool = false, count_include_pad: bool = true) {
  fn forward(x: [b, c, h, w]) = avg_pool2d(x, kernel_size, stride, padding, ceil_mode, count_include_pad)
}

/// Means of [b, c, h, w] in a grid of cells.
export layer AdaptiveAvgPool2d(output_size: Pair) {
  fn forward(x: [b, c, h, w]) = adaptive_avg_pool2d(x, output_size)
}

/// The largest element of each window of [b, c, d, h, w].
export layer MaxPool3d(kernel_size: Triple, stride: Triple? = none, padding: Triple = 0, dilation: Triple = 1, ceil_mode: bool = false) {
  fn forward(x: [b, c, d, h, w]) = max_pool3d(x, kernel_size, stride, padding, dilation, ceil_mode)
}

/// The mean of each window of [b, c, d, h, w].
export layer AvgPool3d(kernel_size: Triple, stride: Triple? = none, padding: Triple = 0, ceil_mode: bool = false, count_include_pad: bool = true) {
  fn forward(x: [b, c, d, h, w]) = avg_pool3d(x, kernel_size, stride, padding, ceil_mode, count_include_pad)
}

/// Means of [b, c, d, h, w] in a grid of cells.
export layer AdaptiveAvgPool3d(output_size: Triple) {
  fn forward(x: [b, c, d, h, w]) = adaptive_avg_pool3d(x, output_size)
}

/// Largest elements of [b, c, l] in a grid of cells.
export layer AdaptiveMaxPool1d(output_size: int) {
  fn forward(x: [b, c, l]) = adaptive_max_pool1d(x, output_size)
}

/// Largest elements of [b, c, h, w] in a grid of cells.
export layer AdaptiveMaxPool2d(output_size: Pair) {
  fn forward(x: [b, c, h, w]) = adaptive_max_pool2d(x, output_size)
}

/// Largest elements of [b, c, d, h, w] in a grid of cells.
export layer AdaptiveMaxPool3d(output_size: Triple) {
  fn forward(x: [b, c, d, h, w]) = adaptive_max_pool3d(x, output_size)
}
