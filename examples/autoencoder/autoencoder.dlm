// Digits through a narrow place: an autoencoder, a variational one (Kingma & Welling 2014), and one that is told the
// digit (Sohn et al. 2015).
import { Linear } from "std/nn"
import { gaussian_kl, elbo_loss } from "std/loss"
import { Adam } from "std/optim"

const pixels = 64

// Bernoulli's negative log likelihood of images valued 0 to 1, summed over pixels.
fn surprise(logits: [b, pixels], x: [b, pixels]) -> [b] = sum(bce_with_logits(logits, x), axis=-1)

/// 64 pixels through `latent` numbers and back.
export model Autoencoder(latent: int = 8, hidden: int = 96) {
  let enc1 = Linear(pixels, hidden)
  let enc2 = Linear(hidden, latent)
  let dec1 = Linear(latent, hidden)
  let dec2 = Linear(hidden, pixels)
  export fn encode(x: [b, pixels]) -> [b, latent] = x |> enc1 |> relu |> enc2
  fn logits(z: [b, latent]) -> [b, pixels] = z |> dec1 |> relu |> dec2
  export fn decode(z: [b, latent]) -> [b, pixels] = sigmoid(logits(z))
  export fn forward(x: [b, pixels]) -> [b, pixels] = decode(encode(x))
}

/// The narrow place is a distribution; numbers drawn from N(0, 1) become digits.
export model Vae(latent: int = 8, hidden: int = 96) {
  let enc  = Linear(pixels, hidden)
  let mu   = Linear(hidden, latent)
  let var  = Linear(hidden, latent)
  let dec1 = Linear(latent, hidden)
  let dec2 = Linear(hidden, pixels)
  fn encode(x: [b, pixels]) -> (mu: [b, latent], logvar: [b, latent]) {
    let h = relu(enc(x))
    (mu=mu(h), logvar=var(h))
  }
  fn logits(z: [b, latent]) -> [b, pixels] = z |> dec1 |> relu |> dec2
  export fn forward(x: [b, pixels]) -> [b, pixels] = sigmoid(logits(encode(x).mu))
  export fn sample(count: int) -> [count, pixels] = sigmoid(logits(normal([count, latent])))
}

/// Encoder and decoder are also told the digit, so one can ask for it.
export model Conditional(latent: int = 8, hidden: int = 96, classes: int = 10) {
  let enc  = Linear(pixels + classes, hidden)
  let mu   = Linear(hidden, latent)
  let var  = Linear(hidden, latent)
  let dec1 = Linear(latent + classes, hidden)
  let dec2 = Linear(hidden, pixels)
  fn encode(x: [b, pixels], y: i32[b]) -> (mu: [b, latent], logvar: [b, latent]) {
    let h = relu(enc(concat([x, one_hot(y, classes)], axis=1)))
    (mu=mu(h), logvar=var(h))
  }
  fn logits(z: [b, latent], y: i32[b]) -> [b, pixels] = concat([z, one_hot(y, classes)], axis=1) |> dec1 |> relu |> dec2
  export fn sample(y: i32[b]) -> [b, pixels] = sigmoid(logits(normal([b, latent]), y))
}

export train FitAutoencoder(net: Autoencoder, lr: f32[] = 2e-3) {
  batch x: f32[b, pixels]
  minimize mean(surprise(net.logits(net.encode(x)), x)) using Adam(lr=lr)
}

export train FitVae(net: Vae, lr: f32[] = 2e-3) {
  batch x: f32[b, pixels]
  let q = net.encode(x)
  let z = q.mu + exp(0.5 * q.logvar) * normal(shape(q.mu))
  let off = surprise(net.logits(z), x)
  minimize elbo_loss(off, q.mu, q.logvar) using Adam(lr=lr)
  metric kl = mean(gaussian_kl(q.mu, q.logvar))
}

export train FitConditional(net: Conditional, lr: f32[] = 2e-3) {
  batch x: f32[b, pixels], y: i32[b]
  let q = net.encode(x, y)
  let z = q.mu + exp(0.5 * q.logvar) * normal(shape(q.mu))
  minimize elbo_loss(surprise(net.logits(z, y), x), q.mu, q.logvar) using Adam(lr=lr)
}
