// Activations as layers, for models that take one as config or list them. The functions are in the prelude.

/// max(x, 0).
export layer ReLU() {
  fn forward(x: [...]) -> [...] = relu(x)
}

/// min(max(x, 0), 6).
export layer ReLU6() {
  fn forward(x: [...]) -> [...] = relu6(x)
}

/// x where x > 0, else negative_slope * x.
export layer LeakyReLU(negative_slope: real = 0.01) {
  fn forward(x: [...]) -> [...] = leaky_relu(x, negative_slope)
}

/// x where x > 0, else alpha * (exp(x) - 1) (Clevert et al. 2016).
export layer ELU(alpha: real = 1.0) {
  fn forward(x: [...]) -> [...] = elu(x, alpha)
}

/// scale * elu(x, alpha) with the constants that keep mean 0 and variance 1 (Klambauer et al. 2017).
export layer SELU() {
  fn forward(x: [...]) -> [...] = selu(x)
}

/// x * Φ(x) (Hendrycks & Gimpel 2016).
export layer GELU(approximate: "none" | "tanh" = "none") {
  fn forward(x: [...]) -> [...] = gelu(x, approximate)
}

/// x * sigmoid(x), also called swish.
export layer SiLU() {
  fn forward(x: [...]) -> [...] = silu(x)
}

/// x * tanh(softplus(x)) (Misra 2019).
export layer Mish() {
  fn forward(x: [...]) -> [...] = mish(x)
}

/// log(1 + exp(beta * x)) / beta.
export layer Softplus(beta: real = 1.0) {
  fn forward(x: [...]) -> [...] = softplus(beta * x) / beta
}

/// x / (1 + |x|).
export layer Softsign() {
  fn forward(x: [...]) -> [...] = softsign(x)
}

/// min(max(x / 6 + 1/2, 0), 1).
export layer Hardsigmoid() {
  fn forward(x: [...]) -> [...] = hardsigmoid(x)
}

/// x * hardsigmoid(x) (Howard et al. 2019).
export layer Hardswish() {
  fn forward(x: [...]) -> [...] = hardswish(x)
}

/// Hyperbolic tangent.
export layer Tanh() {
  fn forward(x: [...]) -> [...] = tanh(x)
}

/// 1 / (1 + exp(-x)).
export layer Sigmoid() {
  fn forward(x: [...]) -> [...] = sigmoid(x)
}

/// log(sigmoid(x)).
export layer LogSigmoid() {
  fn forward(x: [...]) -> [...] = log_sigmoid(x)
}

/// exp(x) / sum(exp(x)) along an axis.
export layer Softmax(dim: int = -1) {
  fn forward(x: [...]) -> [...] = softmax(x, dim)
}

/// log(softmax(x)) along an axis.
export layer LogSoftmax(dim: int = -1) {
  fn forward(x: [...]) -> [...] = log_softmax(x, dim)
}

/// The first half of an axis times the sigmoid of the second (Dauphin et al. 2017).
export layer GLU(dim: int = -1) {
  fn forward(x: [...]) = glu(x, dim)
}

/// x where x > 0, else weight * x; one weight for all, or one per channel on axis 1 (He et al. 2015).
export layer PReLU(num_parameters: int = 1, init: real = 0.25) {
  param weight: [num_parameters] = fn (shape: list, fan_in: int, fan_out: int) => full(shape, init)
  fn forward(x: [...]) -> [...] = prelu(x, weight)
}
