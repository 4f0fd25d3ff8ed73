// Two straight lines: weight from height by least squares, and sex from both by logistic regression.
import { Linear } from "std/nn"
import { SGD, Adam } from "std/optim"

/// Weight in kg from height in cm. Descent likes inputs of size 1, so heights are counted in steps of `unit` from `middle`.
export model Line(middle: real = 170.0, unit: real = 10.0) {
  let fc = Linear(1, 1)
  export fn forward(height: [b]) -> [b] =
    rearrange[b 1 -> b](fc(rearrange[b -> b 1]((height - middle) / unit)))
}

export train FitLine(net: Line, lr: f32[] = 0.3) {
  batch height: f32[b], weight: f32[b]
  minimize mse_loss(net(height), weight) using SGD(lr=lr)
  metric error = mean(abs(net(height) - weight))
}

/// The log odds that someone of this height and weight is a man.
export model Logistic() {
  let fc = Linear(2, 1)
  export fn forward(height: [b], weight: [b]) -> [b] =
    rearrange[b 1 -> b](fc(stack([(height - 170.0) / 10.0, (weight - 70.0) / 10.0], axis=1)))
}

export train FitLogistic(net: Logistic, lr: f32[] = 0.1) {
  batch height: f32[b], weight: f32[b], male: f32[b]
  let odds = net(height, weight)
  minimize binary_cross_entropy_with_logits(odds, male) using Adam(lr=lr)
  metric accuracy = mean(f32((odds > 0.0) == (male > 0.5)))
}
