/// Initialisers: functions of (shape, fan_in, fan_out), with PyTorch's fans and gains.
/// Random numbers are keyed by the seed and the path of the parameter.

/// Every element is `value`.
export fn constant(value: real) = fn (shape: list, fan_in: int, fan_out: int) => full(shape, value)

/// U(-a, a) with a = gain * sqrt(6 / (fan_in + fan_out)) (Glorot & Bengio 2010).
export fn xavier_uniform(gain: real = 1.0) = fn (shape: list, fan_in: int, fan_out: int) =>
  bounded(shape, gain * sqrt(6.0 / (fan_in + fan_out)))

/// N(0, gain² * 2 / (fan_in + fan_out)) (Glorot & Bengio 2010).
export fn xavier_normal(gain: real = 1.0) = fn (shape: list, fan_in: int, fan_out: int) =>
  normal(shape) * (gain * sqrt(2.0 / (fan_in + fan_out)))

/// U(-a, a) with a = sqrt(6 / ((1 + slope²) * fan_in)) (He et al. 2015). PyTorch's layers use slope = sqrt(5).
export fn kaiming_uniform(slope: real = 2.23606797749979) = fn (shape: list, fan_in: int, fan_out: int) =>
  bounded(shape, sqrt(6.0 / ((1.0 + slope ^ 2) * fan_in)))

/// N(0, 2 / ((1 + slope²) * fan_in)) (He et al. 2015).
export fn kaiming_normal(slope: real = 0.0) = fn (shape: list, fan_in: int, fan_out: int) =>
  normal(shape) * sqrt(2.0 / ((1.0 + slope ^ 2) * fan_in))

/// U(-a, a) with a = 1 / sqrt(fan): the bias of PyTorch's Linear, with the fan of its weight.
export fn fan_uniform(fan: int) = fn (shape: list, fan_in: int, fan_out: int) => bounded(shape, 1.0 / sqrt(fan))

/// U(-a, a) with a = 1 / sqrt(hidden): every parameter of PyTorch's recurrent layers.
export fn recurrent_uniform(hidden_size: int) = fn (shape: list, fan_in: int, fan_out: int) =>
  bounded(shape, 1.0 / sqrt(hidden_size))

/// N(0, std²), with what lies beyond two standard deviations pulled in to them.
export fn truncated_normal(std: real = 0.02) = fn (shape: list, fan_in: int, fan_out: int) =>
  clamp(normal(shape), -2.0, 2.0) * std

fn bounded(shape: list, a: real) = uniform(shape, low=-a, high=a)
