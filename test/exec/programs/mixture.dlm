// exec: b=4
// Two small networks for points of the plane.
import { Linear } from "std/nn"

export model Generator(latent: int = 2) {
  let fc1 = Linear(latent, 6)
  let fc2 = Linear(6, 2)
  export fn forward(z: [b, latent]) -> [b, 2] = z |> fc1 |> tanh |> fc2
}

export model Critic() {
  let fc1 = Linear(2, 8)
  let fc2 = Linear(8, 1)
  export fn forward(x: [b, 2]) -> [b] = rearrange[b 1 -> b](x |> fc1 |> tanh |> fc2)
}
