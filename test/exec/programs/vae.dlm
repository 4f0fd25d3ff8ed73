// exec: b=3 count=2 Vae.inputs=6 Vae.hidden=5 Vae.latent=2
// VAE with training
import { Linear } from "std/nn"
import { Adam } from "std/optim"

export model Vae(inputs: int = 784, hidden: int = 400, latent: int = 20) {
  let enc    = Linear(inputs, hidden)
  let mu     = Linear(hidden, latent)
  let logvar = Linear(hidden, latent)
  let dec    = Linear(latent, hidden)
  let out    = Linear(hidden, inputs)

  export fn encode(x: [b, inputs]) -> (mu: [b, latent], logvar: [b, latent]) {
    let h = relu(enc(x))
    (mu=mu(h), logvar=logvar(h))
  }
  export fn decode(z: [b, latent]) -> [b, inputs] = z |> dec |> relu |> out     // logits
  export fn sample(count: int) -> [count, inputs] = sigmoid(decode(normal([count, latent])))
}

export train FitVae(vae: Vae, beta: f32[] = 1.0) {
  batch x: f32[b, vae.inputs]
  let (mu, logvar) = vae.encode(x)
  let z   = mu + exp(0.5 * logvar) * normal([b, vae.latent])
  let rec = reduce[b i -> b](bce_with_logits(vae.decode(z), x), sum)
  let kl  = -0.5 * reduce[b k -> b](1 + logvar - mu ^ 2 - exp(logvar), sum)
  minimize mean(rec + beta * kl) using Adam(lr=1e-3)
  metric kl_nats = mean(kl)
}
