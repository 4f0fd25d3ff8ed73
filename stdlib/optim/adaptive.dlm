// Steps divided by a size of past gradients.
import { rate } from "std/optim/schedule"

/// Adagrad (Duchi et al. 2011), torch.optim.Adagrad: p = p - lr / (1 + (t - 1) * lr_decay) * g / (√Σ g² + eps).
export optimizer Adagrad(lr: fn(i32[]) -> f32[] | f32[] | real = 1e-2, lr_decay: real = 0.0, weight_decay: real = 0.0,
                         initial_accumulator_value: real = 0.0, eps: real = 1e-10) {
  state sum: f32[...] = fn (s: list, fan_in: int, fan_out: int) => full(s, initial_accumulator_value)
  fn update_param(p: f32[...], g: f32[...], t: i32[]) -> f32[...] {
    let d = if weight_decay == 0 { g } else { g + weight_decay * p }
    update sum = sum + d ^ 2
    let r = if lr_decay == 0 { rate(lr, t) } else { rate(lr, t) / (1 + f32(t - 1) * lr_decay) }
    p - r * d / (sqrt(sum) + eps)
  }
}

/// RMSprop (Hinton 2012), torch.optim.RMSprop: p = p - lr * g / (√v + eps), v the average of g²; `centered` takes the
/// variance of g instead, `momentum` sums the steps up.
export optimizer RMSprop(lr: fn(i32[]) -> f32[] | f32[] | real = 1e-2, alpha: real = 0.99, eps: real = 1e-8,
                         weight_decay: real = 0.0, momentum: real = 0.0, centered: bool = false) {
  state square_avg: f32[...] = zeros()
  state grad_avg: f32[...] = zeros() when centered
  state velocity: f32[...] = zeros() when momentum != 0
  fn update_param(p: f32[...], g: f32[...], t: i32[]) -> f32[...] {
    let d = if weight_decay == 0 { g } else { g + weight_decay * p }
    update square_avg = alpha * square_avg + (1 - alpha) * d ^ 2
    let size = sqrt(if centered { max(square_avg - average(d) ^ 2, 0) } else { square_avg }) + eps
    p - rate(lr, t) * (if momentum == 0 { d / size } else { moving(d / size) })
  }
  fn average(d: f32[...]) {
    update grad_avg = alpha * grad_avg + (1 - alpha) * d
    grad_avg
  }
  fn moving(step: f32[...]) {
    update velocity = momentum * velocity + step
    velocity
  }
}

/// Adadelta (Zeiler 2012), torch.optim.Adadelta: p = p - lr * d, d = g * √(u + eps) / √(v + eps), u and v the averages of
/// d² and g².
export optimizer Adadelta(lr: fn(i32[]) -> f32[] | f32[] | real = 1.0, rho: real = 0.9, eps: real = 1e-6,
                          weight_decay: real = 0.0) {
  state square_avg: f32[...] = zeros()
  state acc_delta: f32[...] = zeros()
  fn update_param(p: f32[...], g: f32[...], t: i32[]) -> f32[...] {
    let d = if weight_decay == 0 { g } else { g + weight_decay * p }
    update square_avg = rho * square_avg + (1 - rho) * d ^ 2
    let delta = d * sqrt(acc_delta + eps) / sqrt(square_avg + eps)
    update acc_delta = rho * acc_delta + (1 - rho) * delta ^ 2
    p - rate(lr, t) * delta
  }
}
