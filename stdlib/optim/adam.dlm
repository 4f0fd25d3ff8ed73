// Adam and what came of it.
import { rate } from "std/optim/schedule"

/// Adam (Kingma & Ba 2015), torch.optim.Adam: p = p - lr * m̂ / (√v̂ + eps), m̂ and v̂ the averages of g and g² over
/// 1 - beta ^ t. `amsgrad` divides by the largest v so far (Reddi et al. 2018).
export optimizer Adam(lr: fn(i32[]) -> f32[] | f32[] | real = 1e-3, beta1: real = 0.9, beta2: real = 0.999,
                      eps: real = 1e-8, weight_decay: real = 0.0, amsgrad: bool = false) {
  state m: f32[...] = zeros()
  state v: f32[...] = zeros()
  state vmax: f32[...] = zeros() when amsgrad
  fn update_param(p: f32[...], g: f32[...], t: i32[]) -> f32[...] {
    let d = if weight_decay == 0 { g } else { g + weight_decay * p }
    update m = beta1 * m + (1 - beta1) * d
    update v = beta2 * v + (1 - beta2) * d ^ 2
    let top = if amsgrad { max(vmax, v) } else { v }
    let _ = if amsgrad { largest(top) } else { 0 }
    p - corrected(m, top, rate(lr, t), beta1, beta2, eps, t)
  }
  fn largest(v: f32[...]) {
    update vmax = v
    0
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
    p * (1 - step * weight_decay) - corrected(m, v, step, beta1, beta2, eps, t)
  }
}

/// Adam whose step u = m̂ / (√v̂ + eps) + weight_decay * p is as long as the parameter: p = p - lr * (‖p‖ / ‖u‖) * u,
/// without the factor where either is zero (You et al. 2020, algorithm 2).
export optimizer Lamb(lr: fn(i32[]) -> f32[] | f32[] | real = 1e-3, beta1: real = 0.9, beta2: real = 0.999,
                      eps: real = 1e-6, weight_decay: real = 0.0) {
  state m: f32[...] = zeros()
  state v: f32[...] = zeros()
  fn update_param(p: f32[...], g: f32[...], t: i32[]) -> f32[...] {
    update m = beta1 * m + (1 - beta1) * g
    update v = beta2 * v + (1 - beta2) * g ^ 2
    let adam = corrected(m, v, 1.0, beta1, beta2, eps, t)
    let u = if weight_decay == 0 { adam } else { adam + weight_decay * p }
    let (size, length) = (sqrt(sum(p ^ 2)), sqrt(sum(u ^ 2)))
    let trust = where(size > 0 && length > 0, size / max(length, 1e-30), 1.0)
    p - rate(lr, t) * trust * u
  }
}

// step * m̂ / (√v̂ + eps): what does not depend on the element is one number, so that an element takes one division.
fn corrected(m: f32[...], v: f32[...], step: f32[] | real, beta1: real, beta2: real, eps: real, t: i32[]) -> f32[...] =
  step / (1 - beta1 ^ f32(t)) * m / (sqrt(v) * rsqrt(1 - beta2 ^ f32(t)) + eps)
