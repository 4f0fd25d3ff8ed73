// Random numbers, constants and initialisers. Keys come from the place of the call. No import is needed.

/// 24 random bits as floats in [0, 1): every value is a multiple of 2^-24.
fn random_unit(shape: list) = f32(floor_div(random_bits(shape), 256)) * 5.9604644775390625e-8

/// Standard normal numbers by Box and Muller (1958).
fn random_normal(shape: list) =
  sqrt(-2.0 * log(1.0 - random_unit(shape))) * cos(6.283185307179586 * random_unit(shape))

/// Zeros: a tensor where a shape is given, else an initialiser.
export fn zeros(shape: list? = none) =
  if shape != none { full(shape, 0.0) } else { fn (s: list, fan_in: int, fan_out: int) => full(s, 0.0) }

/// Ones: a tensor where a shape is given, else an initialiser.
export fn ones(shape: list? = none) =
  if shape != none { full(shape, 1.0) } else { fn (s: list, fan_in: int, fan_out: int) => full(s, 1.0) }

/// Uniform in [low, high): a tensor where a shape is given, else an initialiser.
export fn uniform(shape: list? = none, low: real = 0.0, high: real = 1.0) =
  if shape != none { low + (high - low) * random_unit(shape) }
  else { fn (s: list, fan_in: int, fan_out: int) => low + (high - low) * random_unit(s) }

/// Normal: `normal([b, n])` is a tensor, `normal(0.02)` an initialiser of that standard deviation.
export fn normal(shape: list | real = 1.0, mean: real = 0.0, std: real = 1.0) =
  if kind(shape) == "list" { mean + std * random_normal(shape) }
  else { fn (s: list, fan_in: int, fan_out: int) => mean + shape * std * random_normal(s) }

/// True with probability p, element by element.
export fn bernoulli(shape: list, p: real = 0.5) = random_unit(shape) < p

/// 1 / (1 - p) with probability 1 - p, else 0; all ones outside of training.
export fn dropout_mask(shape: list, p: real = 0.5) =
  if training && p > 0 { where(random_unit(shape) >= p, 1.0 / (1.0 - p), 0.0) } else { full(shape, 1.0) }

/// x with elements dropped while training, scaled so that the mean stays (Srivastava et al. 2014).
export fn dropout(x: [...], p: real = 0.5) -> [...] =
  if training && p > 0 { x * dropout_mask(shape(x), p) } else { x }
