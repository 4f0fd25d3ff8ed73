// Initialisers: functions of (shape, fan_in, fan_out), with the fans and gains of torch.nn.init.
// Random numbers are keyed by the seed and the path of the parameter.

/// Every element is `value`.
export fn constant(value: real) = fn (shape: list, fan_in: int, fan_out: int) => full(shape, value)

/// What keeps the variance through a nonlinearity (torch.nn.init.calculate_gain); `a` is the slope of leaky_relu.
export fn gain(nonlinearity: "linear" | "sigmoid" | "tanh" | "relu" | "leaky_relu" | "selu", a: real = 0.01) =
  if nonlinearity == "tanh" { 5.0 / 3.0 }
  else if nonlinearity == "relu" { sqrt(2.0) }
  else if nonlinearity == "leaky_relu" { sqrt(2.0 / (1.0 + a ^ 2)) }
  else if nonlinearity == "selu" { 0.75 }
  else { 1.0 }

/// U(-a, a) with a = gain * sqrt(6 / (fan_in + fan_out)) (Glorot & Bengio 2010).
export fn xavier_uniform(gain: real = 1.0) = fn (shape: list, fan_in: int, fan_out: int) =>
  bounded(shape, gain * sqrt(6.0 / (fan_in + fan_out)))

/// N(0, gain² * 2 / (fan_in + fan_out)) (Glorot & Bengio 2010).
export fn xavier_normal(gain: real = 1.0) = fn (shape: list, fan_in: int, fan_out: int) =>
  normal(shape) * (gain * sqrt(2.0 / (fan_in + fan_out)))

/// U(-b, b) with b = gain * sqrt(3 / fan) (He et al. 2015). PyTorch's layers use a = sqrt(5), which is the default here.
export fn kaiming_uniform(a: real = 2.23606797749979, mode: "fan_in" | "fan_out" = "fan_in",
                          nonlinearity: "linear" | "sigmoid" | "tanh" | "relu" | "leaky_relu" | "selu" = "leaky_relu") =
  fn (shape: list, fan_in: int, fan_out: int) =>
    bounded(shape, gain(nonlinearity, a) * sqrt(3.0 / (if mode == "fan_in" { fan_in } else { fan_out })))

/// N(0, gain² / fan) (He et al. 2015).
export fn kaiming_normal(a: real = 0.0, mode: "fan_in" | "fan_out" = "fan_in",
                         nonlinearity: "linear" | "sigmoid" | "tanh" | "relu" | "leaky_relu" | "selu" = "leaky_relu") =
  fn (shape: list, fan_in: int, fan_out: int) =>
    normal(shape) * (gain(nonlinearity, a) / sqrt(if mode == "fan_in" { fan_in } else { fan_out }))

/// U(-a, a) with a = sqrt(3 / fan_in) (LeCun et al. 1998).
export fn lecun_uniform() = fn (shape: list, fan_in: int, fan_out: int) => bounded(shape, sqrt(3.0 / fan_in))

/// N(0, 1 / fan_in) (LeCun et al. 1998).
export fn lecun_normal() = fn (shape: list, fan_in: int, fan_out: int) => normal(shape) * sqrt(1.0 / fan_in)

/// U(-a, a) with a = 1 / sqrt(fan): the bias of PyTorch's Linear, with the fan of its weight.
export fn fan_uniform(fan: int) = fn (shape: list, fan_in: int, fan_out: int) => bounded(shape, 1.0 / sqrt(fan))

/// U(-a, a) with a = 1 / sqrt(hidden): every parameter of PyTorch's recurrent layers.
export fn recurrent_uniform(hidden_size: int) = fn (shape: list, fan_in: int, fan_out: int) =>
  bounded(shape, 1.0 / sqrt(hidden_size))

/// Normal numbers of standard deviation `std` given that they lie between `a` and `b` standard deviations of the mean
/// (torch.nn.init.trunc_normal_, whose bounds are absolute): the inverse of the distribution function at uniform numbers.
export fn truncated_normal(std: real = 0.02, mean: real = 0.0, a: real = -2.0, b: real = 2.0) =
  fn (shape: list, fan_in: int, fan_out: int) => {
    let low  = erf(full([], a * 0.7071067811865476))
    let high = erf(full([], b * 0.7071067811865476))
    let x = low + (high - low) * uniform(shape)
    mean + std * clamp(1.4142135623730951 * erfinv(clamp(x, -0.9999999, 0.9999999)), a, b)
  }

/// Orthonormal rows, or columns where there are more rows than columns, times `gain` (Saxe et al. 2014); the axes after
/// the first count as one. Gram–Schmidt, done twice, on normal numbers, which draws all rotations alike.
export fn orthogonal(gain: real = 1.0) = fn (shape: list, fan_in: int, fan_out: int) => {
  let rows = shape[0]
  let cols = fold n = 1 over d in shape[1:] => n * d
  let q = if rows > cols { transpose(orthonormal(cols, rows)) } else { orthonormal(rows, cols) }
  gain * reshape(q, shape)
}

/// gain on the diagonal of a matrix, zeros elsewhere (torch.nn.init.eye_).
export fn identity(gain: real = 1.0) = fn (shape: list, fan_in: int, fan_out: int) => {
  let (rows, cols) = (shape[0], shape[1])
  for i < rows, j < cols => if i == j { gain } else { 0.0 }
}

/// Convolutions [out, in, ...k] that pass their input on: 1 at the centre of the kernel from channel i to channel i
/// (torch.nn.init.dirac_).
export fn dirac() = fn (dims: list, fan_in: int, fan_out: int) =>
  fold w = identity()(dims[:2], fan_in, fan_out) over k in dims[2:] =>
    reshape(w, shape(w) + [1]) * one_hot(full([], floor_div(k, 2)), k)

fn bounded(shape: list, a: real) = uniform(shape, low=-a, high=a)

// k orthonormal rows of n numbers, k ≤ n.
fn orthonormal(k: int, n: int) = fold q = zeros([k, n]) over v in normal([k, n]), i < k => {
  let v = v - transpose(q) @ (q @ v)
  let v = v - transpose(q) @ (q @ v)
  where(reshape(iota(k) == i, [k, 1]), v * rsqrt(sum(v ^ 2)), q)
}

// The inverse of erf to float32 accuracy (Giles 2012).
fn erfinv(x: [...]) {
  let w = -log1p(-(x ^ 2))
  let near = horner(w - 2.5, [2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087, -0.00125372503, -0.00417768164, 0.246640727, 1.50140941])
  let tail = horner(sqrt(max(w, 5.0)) - 3.0, [-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047, 1.00167406, 2.83297682])
  x * where(w < 5.0, near, tail)
}

fn horner(x: [...], coefficients: list) = fold p = 0.0 * x over c in coefficients => p * x + c
