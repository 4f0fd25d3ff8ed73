// exec: b=4 y<3
// Computes in f16 with f32 parameters: the loss is scaled, which changes no update.
import { Linear, BatchNorm1d, Dropout } from "std/nn"
import { Adam, SGD } from "std/optim"

@precision(compute=f16, params=f32, accum=f32)
export model Mlp(d: int = 6) {
  let fc1 = Linear(d, 8, bias=false)
  let bn = BatchNorm1d(8)
  let fc2 = Linear(8, 3)
  export fn forward(x: [b, d]) -> [b, 3] = x |> fc1 |> bn |> relu |> fc2
  export fn classes(x: [b, d]) -> i32[b] = argmax(forward(x), axis=-1)
}

/// Parameters and all that is computed are f16.
@precision(compute=f16, params=f16)
export model Small(d: int = 6) {
  let fc = Linear(d, 3)
  export fn forward(x: [b, d]) -> [b, 3] = fc(x)
}

export train Fit(net: Mlp, lr: f32[] = 1e-2) {
  batch x: [b, net.d], y: i32[b]
  let logits = net(x)
  minimize cross_entropy(logits, y) of net using Adam(lr=lr) with { loss_scale=dynamic(1024.0, 2) }
  metric accuracy = mean(f32(argmax(logits, axis=-1) == y))
}

@precision(compute=f16)
export train FitSmall(net: Small, lr: f32[] = 1e-1) {
  batch x: [b, net.d], y: i32[b]
  minimize cross_entropy(tanh(net(x)) * 2.0, y) of net using SGD(lr=lr) with { loss_scale=256.0, accumulate=2 }
}
