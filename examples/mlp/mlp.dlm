// A multilayer perceptron for any table of numbers, with any activation of the library.
import { Linear, PReLU } from "std/nn"
import { AdamW } from "std/optim"

type Activation = "relu" | "leaky_relu" | "prelu" | "elu" | "selu" | "gelu" | "gelu_tanh" | "silu" | "mish" | "softplus" | "softsign" | "hardswish" | "hardsigmoid" | "sigmoid" | "tanh"

// The function of this name; `prelu` has a weight, which the model holds.
fn activate(x: [...], how: Activation) -> [...] =
  if how == "relu" {
    relu(x)
  } else if how == "leaky_relu" {
    leaky_relu(x)
  } else if how == "elu" {
    elu(x)
  } else if how == "selu" {
    selu(x)
  } else if how == "gelu" {
    gelu(x)
  } else if how == "gelu_tanh" {
    gelu(x, "tanh")
  } else if how == "silu" {
    silu(x)
  } else if how == "mish" {
    mish(x)
  } else if how == "softplus" {
    softplus(x)
  } else if how == "softsign" {
    softsign(x)
  } else if how == "hardswish" {
    hardswish(x)
  } else if how == "hardsigmoid" {
    hardsigmoid(x)
  } else if how == "sigmoid" {
    sigmoid(x)
  } else {
    tanh(x)
  }

/// `depth` hidden layers of one width. Inputs are divided by `scale`.
export model Mlp(
  inputs: int = 64,
  hidden: int = 128,
  depth: int = 2,
  classes: int = 10,
  scale: real = 16.0,
  activation: Activation = "relu",
  drop: real = 0.1,
) {
  let layers = for i in 0..depth => Linear(if i == 0 { inputs } else { hidden }, hidden)
  let slopes = if activation == "prelu" { for i in 0..depth => PReLU() } else { [] }
  let head   = Linear(hidden, classes)

  export fn forward(x: [b, inputs]) -> [b, classes] {
    let h = fold h = x / scale over i in 0..depth => {
      let z = layers[i](h)
      dropout(if activation == "prelu" { slopes[i](z) } else { activate(z, activation) }, drop)
    }
    head(h)
  }
  export fn predict(x: [b, inputs]) -> i32[b] = argmax(forward(x), axis=-1)
}

export train Fit(net: Mlp, lr: f32[] = 3e-3) {
  batch x: f32[b, net.inputs], y: i32[b]
  let logits = net(x)
  minimize cross_entropy(logits, y) using AdamW(lr=lr, weight_decay=1e-2)
  metric accuracy = mean(f32(argmax(logits, axis=-1) == y))
}
