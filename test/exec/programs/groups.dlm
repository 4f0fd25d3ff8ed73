// exec: b=3 y<3
// Two optimizers for parts of one model, with penalties, constraints and accumulated gradients.
import { Linear } from "std/nn"
import { Adam, SGD, global_norm } from "std/optim"

export model Net() {
  @regularize(l2(1e-2)) let fc1 = Linear(4, 6)
  @constrain(max_norm(0.8)) @regularize(l1(1e-3)) let fc2 = Linear(6, 3)
  export fn forward(x: [b, 4]) -> [b, 3] = x |> fc1 |> tanh |> fc2
}

export train FitNet(net: Net, lr: f32[] = 0.1) {
  batch x: f32[b, 4], y: i32[b]
  let loss = cross_entropy(net(x), y)
  minimize loss
    of matrices(net)
    using SGD(lr=lr, momentum=0.9) with { clip=global_norm(0.5), accumulate=2 }
  minimize loss of vectors(net) using Adam(lr=lr) with { clip=global_norm(0.5), loss_scale=128.0 }
}
