// Normalisation.

/// A vector of channels as a shape that broadcasts over [b, c, ...s].
fn channels(v: [c], rank: int) = reshape(v, [c] + (for i in 0..rank - 2 => 1))

// x minus its mean over axes, taken twice: the first mean is rounded like x, so that a large offset would leave its
// rounding in every element. Shifting x changes nothing, so the first mean needs no gradient.
fn centered(x: [...], axes: int | list) {
  let d = x - stop_gradient(mean(x, axis=axes, keepdim=true))
  d - mean(d, axis=axes, keepdim=true)
}

/// Normalises channels over the batch and all positions of [b, c, ...s] while training, by running statistics
/// otherwise: (x - mean) / sqrt(var + eps) * weight + bias (Ioffe & Szegedy 2015). The running variance is unbiased.
@precision(compute=f32)
layer BatchNorm(num_features: int, eps: real = 1e-5, momentum: real = 0.1, affine: bool = true,
                track_running_stats: bool = true) {
  param weight: [num_features] = ones() when affine
  param bias: [num_features] = zeros() when affine
  state running_mean: f32[num_features] = zeros() when track_running_stats
  state running_var: f32[num_features] = ones() when track_running_stats
  state num_batches_tracked: i32[] = zeros() when track_running_stats

  fn forward(x: [b, num_features, ...s]) -> [b, num_features, ...s] {
    let axes = [0] + (for i in 2..rank(x) => i)
    let d = if training || running_mean == none { centered(x, axes) } else { x - channels(running_mean, rank(x)) }
    let var = if training || running_mean == none { mean(d ^ 2, axis=axes) } else { running_var }
    let _ = if running_mean != none && training { track(mean(x, axis=axes), var, size(x, axes)) } else { 0 }
    let scale = rsqrt(var + eps)
    let y = d * channels(if weight != none { weight * scale } else { scale }, rank(x))
    if bias != none { y + channels(bias, rank(x)) } else { y }
  }

  fn track(mean: [num_features], var: [num_features], n: int) {
    update running_mean = lerp(running_mean, mean, momentum)
    update running_var = lerp(running_var, var * n / max(n - 1, 1), momentum)
    update num_batches_tracked = num_batches_tracked + 1
    0
  }
}

/// Batch normalisation of [b, c] or [b, c, l].
export const BatchNorm1d = BatchNorm
/// Batch normalisation of [b, c, h, w].
export const BatchNorm2d = BatchNorm
/// Batch normalisation of [b, c, d, h, w].
export const BatchNorm3d = BatchNorm

/// (x - mean) / sqrt(var + eps) * weight + bias over the last axis (Ba et al. 2016).
@precision(compute=f32)
export layer LayerNorm(normalized_shape: int, eps: real = 1e-5, elementwise_affine: bool = true, bias: bool = true) {
  param weight: [normalized_shape] = ones() when elementwise_affine
  param bias: [normalized_shape] = zeros() when elementwise_affine && bias
  fn forward(x: [..., normalized_shape]) -> [..., normalized_shape] {
    let d = centered(x, -1)
    let y = d * rsqrt(mean(d ^ 2, axis=-1, keepdim=true) + eps)
    let y = if weight != none { y * weight } else { y }
    if bias != none { y + bias } else { y }
  }
}

/// x / sqrt(mean(x²) + eps) * weight over the last axis (Zhang & Sennrich 2019).
@precision(compute=f32)
export layer RMSNorm(normalized_shape: int, eps: real = 1e-6) {
  param weight: [normalized_shape] = ones()
  fn forward(x: [..., normalized_shape]) -> [..., normalized_shape] =
    x * rsqrt(mean(x ^ 2, axis=-1, keepdim=true) + eps) * weight
}

/// Normalises over the channels of each group and all positions of [b, c, ...s] (Wu & He 2018).
@precision(compute=f32)
export layer GroupNorm(num_groups: int, num_channels: int, eps: real = 1e-5, affine: bool = true)
  requires num_channels % num_groups == 0 {
  param weight: [num_channels] = ones() when affine
  param bias: [num_channels] = zeros() when affine
  fn forward(x: [b, num_channels, ...s]) -> [b, num_channels, ...s] {
    let flat = reshape(x, [b, num_groups, -1])
    let d = centered(flat, -1)
    let y = reshape(d * rsqrt(mean(d ^ 2, axis=-1, keepdim=true) + eps), shape(x))
    let y = if weight != none { y * channels(weight, rank(x)) } else { y }
    if bias != none { y + channels(bias, rank(x)) } else { y }
  }
}

/// Normalises over the positions of each channel of [b, c, ...s] (Ulyanov et al. 2016).
@precision(compute=f32)
layer InstanceNorm(num_features: int, eps: real = 1e-5, momentum: real = 0.1, affine: bool = false,
                   track_running_stats: bool = false) {
  param weight: [num_features] = ones() when affine
  param bias: [num_features] = zeros() when affine
  state running_mean: f32[num_features] = zeros() when track_running_stats
  state running_var: f32[num_features] = ones() when track_running_stats
  state num_batches_tracked: i32[] = zeros() when track_running_stats

  fn forward(x: [b, num_features, ...s]) -> [b, num_features, ...s] {
    let axes = for i in 2..rank(x) => i
    let y = if training || running_mean == none {
      let d = centered(x, axes)
      let var = mean(d ^ 2, axis=axes, keepdim=true)
      let _ = if running_mean != none { track(mean(x, axis=[0] + axes), mean(reshape(var, [b, num_features]), axis=0), size(x, axes)) } else { 0 }
      d * rsqrt(var + eps)
    } else { (x - channels(running_mean, rank(x))) * channels(rsqrt(running_var + eps), rank(x)) }
    let y = if weight != none { y * channels(weight, rank(x)) } else { y }
    if bias != none { y + channels(bias, rank(x)) } else { y }
  }

  fn track(mean: [num_features], var: [num_features], n: int) {
    update running_mean = lerp(running_mean, mean, momentum)
    update running_var = lerp(running_var, var * n / max(n - 1, 1), momentum)
    0
  }
}

/// Instance normalisation of [b, c, l].
export const InstanceNorm1d = InstanceNorm
/// Instance normalisation of [b, c, h, w].
export const InstanceNorm2d = InstanceNorm
/// Instance normalisation of [b, c, d, h, w].
export const InstanceNorm3d = InstanceNorm
