// Rosenblatt's perceptron, one against the rest: a unit for each class, whose step says "mine" or "not mine".
import { perceptron_loss } from "std/loss"
import { Perceptron } from "std/optim"

/// One unit with a bias for each class. Inputs are centimetres, less a typical length.
export model OneVsRest(inputs: int = 4, classes: int = 3) {
  param weight: [classes, inputs] = zeros()
  param bias: [classes] = zeros()

  /// How far each unit is from changing its mind.
  export fn forward(x: [b, inputs]) -> [b, classes] = linear(x - 3.0, weight, bias)
  /// Which units fire.
  export fn fires(x: [b, inputs]) -> [b, classes] = step(forward(x))
  /// The class whose unit is surest.
  export fn predict(x: [b, inputs]) -> i32[b] = argmax(forward(x), axis=-1)
}

/// The rule w = w + eta (y - ŷ) x, and penalties on the weights if they are not 0.
export train Learn(net: OneVsRest, eta: f32[] = 0.1, l1: f32[] = 0.0, l2: f32[] = 0.0) {
  batch x: f32[b, net.inputs], y: i32[b]
  let scores = net(x)
  let rule   = perceptron_loss(scores, one_hot(y, net.classes), reduction="sum")
  minimize rule + l1 * sum(abs(net.weight)) + l2 * sum(net.weight ^ 2) using Perceptron(lr=eta)
  metric wrong = sum(f32(step(scores) != one_hot(y, net.classes)))
}
