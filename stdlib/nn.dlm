/// Layers with the names, arguments and parameter layouts of torch.nn.
import { kaiming_uniform, fan_uniform } from "std/init"

/// y = x · Wᵀ + b. weight: [out, in], bias: [out].
export layer Linear(in_features: int, out_features: int, bias: bool = true) {
  param weight: [out_features, in_features] = kaiming_uniform()
  param bias: [out_features] = fan_uniform(in_features) when bias
  fn forward(x: [..., in_features]) -> [..., out_features] = linear(x, weight, bias)
}

/// Rows of a table by id: [...] -> [..., dim]. An id out of range gives zeros.
export layer Embedding(num_embeddings: int, embedding_dim: int) {
  param weight: [num_embeddings, embedding_dim] = normal(1.0)
  fn forward(ids: i32[...]) -> [..., embedding_dim] = gather(weight, ids, axis=0)
}

/// Zeroes elements with probability p while training, and scales the others by 1 / (1 - p).
export layer Dropout(p: real = 0.5) {
  fn forward(x: [...]) -> [...] = dropout(x, p)
}

/// (x - mean) / sqrt(var + eps) * weight + bias over the last axis (Ba et al. 2016).
export layer LayerNorm(normalized_shape: int, eps: real = 1e-5, bias: bool = true) {
  param weight: [normalized_shape] = ones()
  param bias: [normalized_shape] = zeros() when bias
  fn forward(x: [..., normalized_shape]) -> [..., normalized_shape] {
    let m = mean(x, axis=-1, keepdim=true)
    let d = x - m
    let y = d * rsqrt(mean(d ^ 2, axis=-1, keepdim=true) + eps) * weight
    if bias != none { y + bias } else { y }
  }
}

/// x / sqrt(mean(x²) + eps) * weight over the last axis (Zhang & Sennrich 2019).
export layer RMSNorm(normalized_shape: int, eps: real = 1e-6) {
  param weight: [normalized_shape] = ones()
  fn forward(x: [..., normalized_shape]) -> [..., normalized_shape] =
    x * rsqrt(mean(x ^ 2, axis=-1, keepdim=true) + eps) * weight
}

/// Normalises features over the batch while training, by running statistics otherwise (Ioffe & Szegedy 2015).
export layer BatchNorm1d(num_features: int, eps: real = 1e-5, momentum: real = 0.1) {
  param weight: [num_features] = ones()
  param bias: [num_features] = zeros()
  state running_mean: f32[num_features] = zeros()
  state running_var: f32[num_features] = ones()

  fn forward(x: [b, num_features]) -> [b, num_features] {
    let (mean, var) = if training { moments(x, axes=0) } else { (running_mean, running_var) }
    update running_mean = lerp(running_mean, mean, momentum) when training
    update running_var = lerp(running_var, var * b / max(b - 1, 1), momentum) when training
    (x - mean) * rsqrt(var + eps) * weight + bias
  }
}

/// The value itself.
export layer Identity() {
  fn forward(x: [...]) -> [...] = x
}

/// Merges the axes from `start_dim` to `end_dim`.
export layer Flatten(start_dim: int = 1, end_dim: int = -1) {
  fn forward(x: [...]) = flatten(x, start_dim, end_dim)
}

/// max(x, 0).
export layer ReLU() {
  fn forward(x: [...]) -> [...] = relu(x)
}

/// x where x > 0, else slope * x.
export layer LeakyReLU(negative_slope: real = 0.01) {
  fn forward(x: [...]) -> [...] = leaky_relu(x, negative_slope)
}

/// x * Φ(x).
export layer GELU(approximate: "none" | "tanh" = "none") {
  fn forward(x: [...]) -> [...] = gelu(x, approximate)
}

/// x * sigmoid(x).
export layer SiLU() {
  fn forward(x: [...]) -> [...] = silu(x)
}

/// Hyperbolic tangent.
export layer Tanh() {
  fn forward(x: [...]) -> [...] = tanh(x)
}

/// 1 / (1 + exp(-x)).
export layer Sigmoid() {
  fn forward(x: [...]) -> [...] = sigmoid(x)
}

/// exp(x) / sum(exp(x)) along an axis.
export layer Softmax(dim: int = -1) {
  fn forward(x: [...]) -> [...] = softmax(x, dim)
}

/// Layers one after the other: `Sequential([Linear(4, 8), ReLU(), Linear(8, 3)])`; paths are `0`, `1`, ….
export layer Sequential(layers: list) {
  fn forward(x: [...]) = fold x = x over f in layers => f(x)
}
