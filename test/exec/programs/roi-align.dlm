// exec: c=2 h=6 w=7 r=3
// RoI align (He et al. 2017) as a tabulation: the value of each bin is read where the box says, between four pixels.
import { SGD } from "std/optim"

export fn roi_align(image: [c, h, w], box: [r, 4], bins: int)
  -> [r, c, bins, bins] = for i < r, k < c, p < bins, q < bins => {
  let y = box[i, 1] + (f32(p) + 0.5) * (box[i, 3] - box[i, 1]) / bins - 0.5
  let x = box[i, 0] + (f32(q) + 0.5) * (box[i, 2] - box[i, 0]) / bins - 0.5
  let y0 = floor(y)
  let x0 = floor(x)
  let dy = y - y0
  let dx = x - x0
  let (a, b) = (i32(y0), i32(x0))
  (1.0 - dy) * ((1.0 - dx) * image[k, a, b] ?? 0.0 + dx * image[k, a, b + 1] ?? 0.0) +
    dy * ((1.0 - dx) * image[k, a + 1, b] ?? 0.0 + dx * image[k, a + 1, b + 1] ?? 0.0)
}

export model Head(bins: int = 2) {
  param gain: [2] = ones()
  export fn forward(image: [c, h, w], corner: [r, 2], size: [r, 2]) -> [r, c, bins, bins] {
    let from = 2.0 + corner
    roi_align(image, concat([from, from + 1.0 + abs(size)], axis=1), bins)
  }
}

export train FitHead(net: Head) {
  batch image: f32[2, h, w], corner: f32[r, 2], size: f32[r, 2]
  let seen = net(image * rearrange[c -> c 1 1](net.gain), corner, size)
  minimize mean((seen - 1.0) ^ 2) using SGD(lr=0.1)
}
