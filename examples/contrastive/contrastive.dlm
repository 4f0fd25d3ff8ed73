// Contrastive learning: two views of an image are to be found again among those of others.
import { Linear } from "std/nn"
import { info_nce, nt_xent } from "std/loss"
import { Adam } from "std/optim"
import { Eye } from "../self-supervised/eye.dlm"

/// What an encoder sees, brought to where views are compared; thrown away afterwards.
export model Projector(inputs: int = 96, outputs: int = 32) {
  let fc1 = Linear(inputs, 64)
  let fc2 = Linear(64, outputs)
  export fn forward(h: [b, inputs]) -> [b, outputs] = h |> fc1 |> relu |> fc2
}

/// The other views of a batch are what a view is told from (SimCLR, Chen et al. 2020).
export train SimClr(eye: Eye, head: Projector, lr: f32[] = 3e-3) {
  batch view: f32[b, 1, 8, 8], other: f32[b, 1, 8, 8]
  minimize nt_xent(head(eye.features(view)), head(eye.features(other)), 0.2) using Adam(lr=lr)
}

/// Views of earlier batches, newest first.
export model Queue(size: int = 512, d: int = 32) {
  state keys: f32[size, d] = normal(1.0)
  fn take(new: [b, d]) -> [size, d] requires b <= size {
    let before = keys
    update keys = concat([new, before[: size - b]], axis=0)
    before
  }
}

/// Keys come from encoders that follow the trained ones slowly, so that those in the queue still fit (MoCo, He et al.
/// 2020).
export train MoCo(eye: Eye, head: Projector, slow_eye: Eye, slow_head: Projector, queue: Queue, lr: f32[] = 3e-3) {
  batch view: f32[b, 1, 8, 8], other: f32[b, 1, 8, 8]
  let key = stop_gradient(l2_normalize(slow_head(slow_eye.features(other))))
  minimize info_nce(head(eye.features(view)), key, 0.2, negatives=queue.take(key)) of eye, head using Adam(lr=lr)
  update slow_eye = lerp(slow_eye, eye, 0.02)
  update slow_head = lerp(slow_head, head, 0.02)
}
