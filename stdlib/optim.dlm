/// Optimizers, learning rate schedules and gradient clipping, with PyTorch's names and defaults.

/// The rate at update t: a number, or what a schedule gives. The first update has t = 1 and gets schedule(0).
fn rate(lr: fn(i32[]) -> f32[] | f32[] | real, t: i32[]) = if kind(lr) == "fn" { lr(t - 1) } else { lr }

/// Stochastic gradient descent with momentum, Nesterov momentum and weight decay (torch.optim.SGD).
export optimizer SGD(lr: fn(i32[]) -> f32[] | f32[] | real = 1e-3, momentum: real = 0.0, dampening: real = 0.0,
                     weight_decay: real = 0.0, nesterov: bool = false) {
  state velocity: f32[...] = zeros() when momentum != 0
  fn update_param(p: f32[...], g: f32[...], t: i32[]) -> f32[...] {
    let d = if weight_decay == 0 { g } else { g + weight_decay * p }
    if momentum == 0 { p - rate(lr, t) * d } else {
      let v = where(t == 1, d, momentum * velocity + (1 - dampening) * d)
      update velocity = v
      p - rate(lr, t) * (if nesterov { d + momentum * v } else { v })
    }
  }
}

/// Adam (Kingma & Ba 2015), torch.optim.Adam.
export optimizer Adam(lr: fn(i32[]) -> f32[] | f32[] | real = 1e-3, beta1: real = 0.9, beta2: real = 0.999,
                      eps: real = 1e-8, weight_decay: real = 0.0) {
  state m: f32[...] = zeros()
  state v: f32[...] = zeros()
  fn update_param(p: f32[...], g: f32[...], t: i32[]) -> f32[...] {
    let d = if weight_decay == 0 { g } else { g + weight_decay * p }
    update m = beta1 * m + (1 - beta1) * d
    update v = beta2 * v + (1 - beta2) * d ^ 2
    let mhat = m / (1 - beta1 ^ f32(t))
    let vhat = v / (1 - beta2 ^ f32(t))
    p - rate(lr, t) * mhat / (sqrt(vhat) + eps)
  }
}

/// Adam with decoupled weight decay (Loshchilov & Hutter 2019), torch.optim.AdamW.
export optimizer AdamW(lr: fn(i32[]) -> f32[] | f32[] | real = 1e-3, beta1: real = 0.9, beta2: real = 0.999,
                       eps: real = 1e-8, weight_decay: real = 1e-2) {
  state m: f32[...] = zeros()
  state v: f32[...] = zeros()
  fn update_param(p: f32[...], g: f32[...], t: i32[]) -> f32[...] {
    let step = rate(lr, t)
    update m = beta1 * m + (1 - beta1) * g
    update v = beta2 * v + (1 - beta2) * g ^ 2
    let mhat = m / (1 - beta1 ^ f32(t))
    let vhat = v / (1 - beta2 ^ f32(t))
    p * (1 - step * weight_decay) - step * mhat / (sqrt(vhat) + eps)
  }
}

/// RMSprop (Hinton 2012), torch.optim.RMSprop without momentum.
export optimizer RMSprop(lr: fn(i32[]) -> f32[] | f32[] | real = 1e-2, alpha: real = 0.99, eps: real = 1e-8) {
  state square_avg: f32[...] = zeros()
  fn update_param(p: f32[...], g: f32[...], t: i32[]) -> f32[...] {
    update square_avg = alpha * square_avg + (1 - alpha) * g ^ 2
    p - rate(lr, t) * g / (sqrt(square_avg) + eps)
  }
}

/// Adagrad (Duchi et al. 2011), torch.optim.Adagrad.
export optimizer Adagrad(lr: fn(i32[]) -> f32[] | f32[] | real = 1e-2, eps: real = 1e-10) {
  state sum: f32[...] = zeros()
  fn update_param(p: f32[...], g: f32[...], t: i32[]) -> f32[...] {
    update sum = sum + g ^ 2
    p - rate(lr, t) * g / (sqrt(sum) + eps)
  }
}

// ── schedules: functions of the number of completed updates ──

/// Linear warmup to `lr`, then a half cosine down to `final` at `total` (Loshchilov & Hutter 2017).
export fn cosine(lr: f32[], total: i32[], warmup: i32[] = 0, final: f32[] = 0.0) = fn (t: i32[]) => {
  let up = f32(t + 1) / f32(max(warmup, 1))
  let done = min(max(f32(t - warmup) / f32(max(total - warmup, 1)), 0.0), 1.0)
  where(t < warmup, lr * up, final + (lr - final) * 0.5 * (1.0 + cos(3.141592653589793 * done)))
}

/// Linear warmup to `lr`, then linear decay to `final` at `total`.
export fn linear_decay(lr: f32[], total: i32[], warmup: i32[] = 0, final: f32[] = 0.0) = fn (t: i32[]) => {
  let up = f32(t + 1) / f32(max(warmup, 1))
  let done = min(max(f32(t - warmup) / f32(max(total - warmup, 1)), 0.0), 1.0)
  where(t < warmup, lr * up, lr + (final - lr) * done)
}

/// lr * gamma ^ ⌊t / step_size⌋ (torch.optim.lr_scheduler.StepLR).
export fn step_decay(lr: f32[], step_size: i32[], gamma: real = 0.1) = fn (t: i32[]) =>
  lr * gamma ^ f32(floor_div(t, step_size))

/// lr * gamma ^ t.
export fn exponential(lr: f32[], gamma: real) = fn (t: i32[]) => lr * gamma ^ f32(t)

// ── clipping: functions of all gradients of a `minimize` ──

/// Scales all gradients so that their joint norm is at most `max_norm` (torch.nn.utils.clip_grad_norm_).
export fn global_norm(max_norm: real) = fn (grads: list) => {
  let squares = fold s = 0.0 over g in grads => s + sum(g ^ 2)
  let scale = min(max_norm / (sqrt(squares) + 1e-6), 1.0)
  for g in grads => g * scale
}

/// Limits every gradient element to [-limit, limit].
export fn clip_value(limit: real) = fn (grads: list) => for g in grads => clamp(g, -limit, limit)
