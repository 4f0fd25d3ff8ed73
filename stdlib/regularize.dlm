// Penalties for `@regularize`: functions from a parameter to a number, whose gradient joins that of the loss.

/// weight * sum(p²).
export fn l2(weight: real) = fn(p: [...]) => weight * sum(p ^ 2)

/// weight * sum(|p|).
export fn l1(weight: real) = fn(p: [...]) => weight * sum(abs(p))

/// Both: l1 * sum(|p|) + l2 * sum(p²) (Zou & Hastie 2005).
export fn l1_l2(l1: real, l2: real) = fn(p: [...]) => l1 * sum(abs(p)) + l2 * sum(p ^ 2)
