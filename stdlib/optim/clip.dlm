// Gradient clipping: functions of all gradients of a `minimize`, for `using … with { clip=… }`.

/// Scales all gradients so that their joint norm is at most `max_norm` (torch.nn.utils.clip_grad_norm_).
export fn global_norm(max_norm: real) = fn (grads: list) => {
  let squares = fold s = 0.0 over g in grads => s + sum(g ^ 2)
  let scale = min(max_norm / (sqrt(squares) + 1e-6), 1.0)
  for g in grads => g * scale
}

/// Scales each gradient so that its own norm is at most `max_norm`.
export fn clip_norm(max_norm: real) = fn (grads: list) =>
  for g in grads => g * min(max_norm / (sqrt(sum(g ^ 2)) + 1e-6), 1.0)

/// Limits every gradient element to [-limit, limit] (torch.nn.utils.clip_grad_value_).
export fn clip_value(limit: real) = fn (grads: list) => for g in grads => clamp(g, -limit, limit)
