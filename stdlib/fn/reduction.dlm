// Means, variances and what is normalised along an axis. No import is needed.

/// Mean over axes, all by default.
@precision(compute=f32)
export fn mean(x: [...], axis: int | list? = none, keepdim: bool = false) =
  sum(x, axis=axis, keepdim=keepdim) / size(x, axis, for="mean")

/// Mean and biased variance over axes.
@precision(compute=f32)
export fn moments(x: [...], axes: int | list? = none, keepdim: bool = false) {
  let m = mean(x, axis=axes, keepdim=true)
  let v = mean((x - m) ^ 2, axis=axes, keepdim=keepdim)
  (mean=if keepdim { m } else { mean(x, axis=axes) }, var=v)
}

/// Variance over axes; `correction` 1 gives the unbiased estimate.
@precision(compute=f32)
export fn var(x: [...], axis: int | list? = none, correction: int = 1, keepdim: bool = false) {
  let m = mean(x, axis=axis, keepdim=true)
  sum((x - m) ^ 2, axis=axis, keepdim=keepdim) / max(size(x, axis) - correction, 1)
}

/// Largest number whose exponential sum is not lost: log(sum(exp(x))).
@precision(compute=f32)
export fn logsumexp(x: [...], axis: int = -1, keepdim: bool = false) {
  let m = stop_gradient(max(x, axis=axis, keepdim=true))
  let s = log(sum(exp(x - m), axis=axis, keepdim=true)) + m
  if keepdim { s } else { sum(s, axis=axis) }
}

/// log(exp(a) + exp(b)), without overflow.
@precision(compute=f32)
export fn logaddexp(a: [...s], b: [...t]) = max(a, b) + log1p(exp(-abs(a - b)))

/// exp(x) / sum(exp(x)) along an axis.
@precision(compute=f32)
export fn softmax(x: [...], axis: int = -1) -> [...] {
  let e = exp(x - stop_gradient(max(x, axis=axis, keepdim=true)))
  e / sum(e, axis=axis, keepdim=true)
}

/// log(softmax(x)), without loss of small probabilities.
@precision(compute=f32)
export fn log_softmax(x: [...], axis: int = -1) -> [...] {
  let z = x - stop_gradient(max(x, axis=axis, keepdim=true))
  z - log(sum(exp(z), axis=axis, keepdim=true))
}

/// x / max(‖x‖₂, eps) along an axis.
@precision(compute=f32)
export fn l2_normalize(x: [...], axis: int = -1, eps: real = 1e-12) -> [...] =
  x * rsqrt(max(sum(x ^ 2, axis=axis, keepdim=true), eps ^ 2))
