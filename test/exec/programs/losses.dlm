// exec: b=3 t=5 y<4 labels<3 lengths<5 sizes<3
import { Linear } from "std/nn"
import { SGD } from "std/optim"
import { nt_xent, r_drop, focal_loss, sigmoid_focal_loss, dice_loss, discriminator_loss, generator_loss, gradient_penalty, gaussian_kl, contrastive_loss } from "std/loss"

export model Losses() {
  let fc = Linear(4, 4)
  export fn classes(x: [b, 4], y: i32[b]) {
    let z = fc(x)
    (cross_entropy(z, y, label_smoothing=0.1, ignore_index=0), nll_loss(log_softmax(1e4 * z), y, reduction="none"), multi_margin_loss(z, y), focal_loss(z, y), r_drop(z, 2.0 * z, y))
  }
  export fn pairs(x: [b, 4], y: [b, 4]) =
    (huber_loss(fc(x), y, delta=0.5), smooth_l1_loss(x, y), triplet_margin_loss(x, y, fc(y)), cosine_similarity(x, y), nt_xent(fc(x), y), contrastive_loss(x, y, ones([b])), gaussian_kl(x, y))
  export fn bits(x: [b, 4], y: bool[b, 4]) {
    let t = f32(y)
    (binary_cross_entropy_with_logits(1e4 * fc(x), t, pos_weight=stack([1.0, 2.0, 3.0, 0.5])), binary_cross_entropy(sigmoid(x), t), sigmoid_focal_loss(fc(x), t), dice_loss(sigmoid(fc(x)), t), soft_margin_loss(x, 2 * t - 1), kl_div(log_softmax(x), softmax(t), "batchmean"))
  }
  export fn games(x: [b, 4], y: [b, 4]) =
    (discriminator_loss(fc(x), y), generator_loss(fc(x), "minimax"), discriminator_loss(x, y, "hinge"), gradient_penalty(fn (z: [b, 4]) => sum(tanh(fc(z)), axis=-1), x, y))
  export fn ctc(x: [b, t, 4], labels: i32[b, 2], sizes: i32[b]) =
    ctc_loss(log_softmax(fc(x)), labels + 1, full([b], 5), sizes, reduction="none")
}

export train Fit(net: Losses) {
  batch x: f32[b, t, 4], labels: i32[b, 2], sizes: i32[b], y: i32[b]
  let z = net.fc(x)
  minimize ctc_loss(log_softmax(z), labels + 1, full([b], 5), sizes, zero_infinity=true) + cross_entropy(z[:, 0], y) of net using SGD(lr=0.1)
}
