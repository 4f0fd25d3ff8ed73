// Descent along the gradient.
import { rate } from "std/optim/schedule"

/// Stochastic gradient descent with momentum, Nesterov momentum and weight decay (torch.optim.SGD):
/// v = momentum * v + (1 - dampening) * g, p = p - lr * v, v starting at the first g.
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

/// The perceptron rule w = w + lr * (y - ŷ) * x (Rosenblatt 1958): the step down the gradient of
/// `perceptron_loss(score, y, reduction="sum")`.
export optimizer Perceptron(lr: fn(i32[]) -> f32[] | f32[] | real = 1.0) {
  fn update_param(p: f32[...], g: f32[...], t: i32[]) -> f32[...] = p - rate(lr, t) * g
}
