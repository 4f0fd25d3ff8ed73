// Tasks whose answers the images bring along: each trains the same encoder, and a head that is thrown away.
import { Conv2d, Linear, Upsample } from "std/nn"
import { Adam } from "std/optim"
import { Eye } from "./eye.dlm"

/// By how many quarters an image was turned.
export model Turn(inputs: int = 96) {
  let fc = Linear(inputs, 4)
  export fn forward(h: [b, inputs]) -> [b, 4] = fc(h)
}

/// Which cluster an image belongs to.
export model Cluster(inputs: int = 96, clusters: int = 30) {
  let fc = Linear(inputs, clusters)
  export fn forward(h: [b, inputs]) -> [b, clusters] = fc(h)
}

/// Which of the eight neighbours of one patch another is, from what is seen in both.
export model Neighbour(inputs: int = 96) {
  let fc1 = Linear(2 * inputs, 48)
  let fc2 = Linear(48, 8)
  export fn forward(h: [b, inputs], g: [b, inputs]) -> [b, 8] = concat([h, g], axis=1) |> fc1 |> relu |> fc2
}

/// The colour of every pixel, one of `colours`, from maps of half the size.
export model Brush(inputs: int = 24, colours: int = 6) {
  let up    = Upsample(2)
  let paint = Conv2d(2 * inputs, colours, 3, padding=1)
  fn forward(maps: [b, inputs, h, w]) -> [b, colours, 2 * h, 2 * w] {
    let all = rearrange[b c -> b c h w](mean(maps, axis=[2, 3]), h=h, w=w)
    paint(up(concat([maps, all], axis=1)))
  }
  /// The most likely colour of each pixel.
  export fn most(maps: [b, inputs, h, w]) -> i32[b, 2 * h, 2 * w] = argmax(forward(maps), axis=1)
}

/// An image was turned by y quarters: by how many? (Gidaris et al. 2018).
export train TellTurn(eye: Eye, head: Turn, lr: f32[] = 3e-3) {
  batch x: f32[b, 1, 8, 8], y: i32[b]
  minimize cross_entropy(head(eye.features(x)), y) using Adam(lr=lr)
}

/// The host sorts what the encoder sees into clusters, which are then what it has to tell (Caron et al. 2018).
export train TellCluster(eye: Eye, head: Cluster, lr: f32[] = 3e-3) {
  batch x: f32[b, 1, 8, 8], y: i32[b]
  minimize cross_entropy(head(eye.features(x)), y) using Adam(lr=lr)
}

/// Where a patch lies, seen from another (Doersch et al. 2015).
export train TellPlace(eye: Eye, head: Neighbour, lr: f32[] = 3e-3) {
  batch patch: f32[b, 1, 4, 4], other: f32[b, 1, 4, 4], y: i32[b]
  minimize cross_entropy(head(eye.features(patch), eye.features(other)), y) using Adam(lr=lr)
}

/// Colours of a grey image (Zhang et al. 2016): classes of pixels; the ground, 0, counts less.
export train TellColour(eye: Eye, brush: Brush, lr: f32[] = 3e-3) {
  batch grey: f32[b, 1, 12, 12], colour: i32[b, 12, 12]
  let logits = rearrange[b c h w -> b h w c](brush(eye.maps(grey)))
  let weight = 0.2 + 0.8 * f32(colour != 0)
  minimize sum(weight * cross_entropy(logits, colour, reduction="none")) / sum(weight) using Adam(lr=lr)
}
