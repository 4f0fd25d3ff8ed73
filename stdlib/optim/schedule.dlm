// Learning rate schedules: functions of the number of completed updates, for the `lr` of any optimizer.

/// The rate at update t: a number, or what a schedule gives. The first update has t = 1 and gets schedule(0).
export fn rate(lr: fn(i32[]) -> f32[] | f32[] | real, t: i32[]) = if kind(lr) == "fn" { lr(t - 1) } else { lr }

/// Always lr.
export fn constant(lr: f32[]) = fn (t: i32[]) => lr

/// lr * gamma ^ ⌊t / step_size⌋ (torch.optim.lr_scheduler.StepLR).
export fn step_decay(lr: f32[], step_size: i32[], gamma: real = 0.1) = fn (t: i32[]) =>
  lr * gamma ^ f32(floor_div(t, step_size))

/// lr * gamma at each milestone that was passed (torch.optim.lr_scheduler.MultiStepLR).
export fn multi_step(lr: f32[], milestones: list, gamma: real = 0.1) = fn (t: i32[]) =>
  fold r = lr over m in milestones => where(t >= m, r * gamma, r)

/// lr * gamma ^ t (torch.optim.lr_scheduler.ExponentialLR).
export fn exponential(lr: f32[], gamma: real) = fn (t: i32[]) => lr * gamma ^ f32(t)

/// Linear warmup to `lr`, then a half cosine down to `final` at `total` (Loshchilov & Hutter 2017).
export fn cosine(lr: f32[], total: i32[], warmup: i32[] = 0, final: f32[] = 0.0) = fn (t: i32[]) => {
  let up = f32(t + 1) / f32(max(warmup, 1))
  where(t < warmup, lr * up, final + (lr - final) * 0.5 * (1.0 + cos(3.141592653589793 * done(t, warmup, total))))
}

/// Linear warmup to `lr`, then linear decay to `final` at `total`.
export fn linear_decay(lr: f32[], total: i32[], warmup: i32[] = 0, final: f32[] = 0.0) = fn (t: i32[]) => {
  let up = f32(t + 1) / f32(max(warmup, 1))
  where(t < warmup, lr * up, lr + (final - lr) * done(t, warmup, total))
}

/// Another schedule, from its start, after `steps` updates that climb to its first rate in equal steps.
export fn warmup(then: fn(i32[]) -> f32[], steps: i32[]) = fn (t: i32[]) =>
  then(max(t - steps, 0)) * min(f32(t + 1) / f32(max(steps, 1)), 1.0)

/// Linear warmup to `lr`, then lr * sqrt(warmup / t): the transformer's schedule (Vaswani et al. 2017), which has
/// lr = (d_model * warmup) ^ -0.5.
export fn inverse_sqrt(lr: f32[], warmup: i32[]) = fn (t: i32[]) => {
  let (step, w) = (f32(t + 1), f32(max(warmup, 1)))
  lr * min(step / w, sqrt(w / step))
}

/// Up from max_lr / div_factor to `max_lr` during the part `pct_start` of `total` updates, then down to the start over
/// `final_div_factor` (Smith & Topin 2018, torch.optim.lr_scheduler.OneCycleLR with two phases).
export fn one_cycle(max_lr: f32[], total: i32[], pct_start: real = 0.3, anneal: "cos" | "linear" = "cos",
                    div_factor: real = 25.0, final_div_factor: real = 1e4) = fn (t: i32[]) => {
  let start = max_lr / div_factor
  let up    = pct_start * f32(total) - 1.0
  let down  = f32(total) - 1.0 - up
  let rise  = min(f32(t) / max(up, 1e-6), 1.0)
  let fall  = min(max((f32(t) - up) / max(down, 1e-6), 0.0), 1.0)
  where(f32(t) <= up, between(start, max_lr, rise, anneal), between(max_lr, start / final_div_factor, fall, anneal))
}

fn between(from: f32[], to: f32[], part: f32[], anneal: "cos" | "linear") =
  if anneal == "linear" { from + (to - from) * part } else { to + (from - to) * 0.5 * (1.0 + cos(3.141592653589793 * part)) }

// The part of the way from `start` to `total` that lies behind update t, 0 to 1.
fn done(t: i32[], start: i32[], total: i32[]) = min(max(f32(t - start) / f32(max(total - start, 1)), 0.0), 1.0)

/// The weight of the new values in an average of models: `update average = lerp(average, net, ema_weight(iteration))`.
/// 1 - decay, and more in the first updates: 1 - min(decay, (1 + t) / (10 + t)).
export fn ema_weight(t: i32[], decay: real = 0.999) = 1.0 - min((1.0 + f32(t)) / (10.0 + f32(t)), decay)
