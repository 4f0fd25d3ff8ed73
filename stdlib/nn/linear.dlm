// Dense layers, and layers that only change shapes.
import { kaiming_uniform, fan_uniform } from "std/init"

/// y = x · Wᵀ + b on the last axis, for any leading axes. weight: [out, in], bias: [out]. `init` starts the weight.
export layer Linear(in_features: int, out_features: int, bias: bool = true,
                    init: fn(list, int, int) -> [...] = kaiming_uniform()) {
  param weight: [out_features, in_features] = init
  param bias: [out_features] = fan_uniform(in_features) when bias
  fn forward(x: [..., in_features]) -> [..., out_features] = linear(x, weight, bias)
}

/// y_o = x1ᵀ · W_o · x2 + b_o. weight: [out, in1, in2], bias: [out].
export layer Bilinear(in1_features: int, in2_features: int, out_features: int, bias: bool = true) {
  param weight: [out_features, in1_features, in2_features] = fan_uniform(in1_features)
  param bias: [out_features] = fan_uniform(in1_features) when bias
  fn forward(x1: [...s, in1_features], x2: [...s, in2_features]) -> [...s, out_features] {
    let y = einsum[... i, o i j, ... j -> ... o](x1, weight, x2)
    if bias != none { y + bias } else { y }
  }
}

/// Any layer of [n, ...] at every step of [b, t, ...] (Keras' TimeDistributed).
export layer TimeDistributed(inner: layer) {
  fn forward(x: [b, t, ...s]) {
    let y = inner(reshape(x, [b * t] + shape(x)[2:]))
    reshape(y, [b, t] + shape(y)[1:])
  }
}

/// Rosenblatt's unit: 1 where x · wᵀ + b > 0, else 0. Its gradient is zero; train it with `perceptron_criterion`.
export layer Perceptron(in_features: int, out_features: int = 1, bias: bool = true) {
  param weight: [out_features, in_features] = zeros()
  param bias: [out_features] = zeros() when bias
  /// The weighted sum before the step.
  fn score(x: [..., in_features]) -> [..., out_features] = linear(x, weight, bias)
  fn forward(x: [..., in_features]) -> [..., out_features] = step(score(x))
}

/// The value itself.
export layer Identity() {
  fn forward(x: [...]) -> [...] = x
}

/// Merges the axes from `start_dim` to `end_dim`.
export layer Flatten(start_dim: int = 1, end_dim: int = -1) {
  fn forward(x: [...]) = flatten(x, start_dim, end_dim)
}
