// exec: b=2 Generator.width=1 Generator.latent=3 Generator.depth=2 Discriminator.width=1 Discriminator.depth=2
// DCGAN (Radford et al. 2016): both networks by strided convolutions; `depth` doublings from 4 × 4 to 64 × 64.
import { Conv2d, ConvTranspose2d, BatchNorm2d } from "std/nn"

/// Noise [b, latent] -> images [b, 3, side, side] within -1 and 1.
export model Generator(latent: int = 100, width: int = 64, depth: int = 4) {
  let side  = 4 * 2 ^ depth
  let first = ConvTranspose2d(latent, width * 2 ^ (depth - 1), 4, bias=false)
  let norms = for i in 0..depth => BatchNorm2d(width * 2 ^ (depth - 1 - i))
  let ups   = for i in 0..depth =>
    ConvTranspose2d(width * 2 ^ (depth - 1 - i), if i == depth - 1 { 3 } else { width * 2 ^ (depth - 2 - i) }, 4, stride=2, padding=1, bias=false)
  export fn forward(z: [b, latent]) -> [b, 3, side, side] =
    tanh(fold x = first(rearrange[b c -> b c 1 1](z)) over (norm, up) in zip(norms, ups) => x |> norm |> relu |> up)
}

/// Images -> logits [b] of being real.
export model Discriminator(width: int = 64, depth: int = 4) {
  let side  = 4 * 2 ^ depth
  let first = Conv2d(3, width, 4, stride=2, padding=1, bias=false)
  let downs = for i in 0..depth - 1 => Conv2d(width * 2 ^ i, width * 2 ^ (i + 1), 4, stride=2, padding=1, bias=false)
  let norms = for i in 0..depth - 1 => BatchNorm2d(width * 2 ^ (i + 1))
  let last  = Conv2d(width * 2 ^ (depth - 1), 1, 4, bias=false)
  export fn forward(x: [b, 3, side, side]) -> [b] {
    let x = fold x = leaky_relu(first(x), 0.2) over (down, norm) in zip(downs, norms) => leaky_relu(norm(down(x)), 0.2)
    rearrange[b 1 1 1 -> b](last(x))
  }
}
