// exec: b=3 y<3
// Two passes of one network draw two dropout masks; their predictions are pulled together (Wu et al. 2021).
import { Linear, Dropout } from "std/nn"
import { Adam } from "std/optim"

export model Net() {
  let fc1  = Linear(4, 8)
  let drop = Dropout(0.4)
  let fc2  = Linear(8, 3)
  export fn forward(x: [b, 4]) -> [b, 3] = x |> fc1 |> relu |> drop |> fc2
}

export train FitRDrop(net: Net, alpha: f32[] = 0.5) {
  batch x: f32[b, 4], y: i32[b]
  let (p, q) = (log_softmax(net(x)), log_softmax(net(x)))
  let apart = mean(reduce[b k -> b](exp(p) * (p - q) + exp(q) * (q - p), sum))
  minimize nll_loss(p, y) + nll_loss(q, y) + alpha * apart using Adam(lr=1e-2)
  metric apart = apart
}
