// Constraints for `@constrain`: functions that bring a parameter back after each update.

/// The axes of one unit of a weight: all but the first, as PyTorch lays weights out; a vector is one unit.
fn unit(p: [...]) = if rank(p) < 2 { for i in 0..rank(p) => i } else { for i in 1..rank(p) => i }

fn norm(p: [...]) = sqrt(sum(p ^ 2, axis=unit(p), keepdim=true))

/// The weights of each unit shortened to a norm of at most `limit`.
export fn max_norm(limit: real) = fn(p: [...]) => p * (limit / max(norm(p), limit))

/// The weights of each unit brought to norm 1.
export fn unit_norm(eps: real = 1e-12) = fn(p: [...]) => p / max(norm(p), eps)

/// Negative elements become 0.
export fn non_negative() = fn(p: [...]) => max(p, 0)

/// Elements limited to [-limit, limit].
export fn clip_value(limit: real) = fn(p: [...]) => clamp(p, -limit, limit)
