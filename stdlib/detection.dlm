// Boxes and regions, with the conventions of torchvision: a box is x1, y1, x2, y2, and shapes never depend on data, so
// selections come padded, with a count.
import { Conv2d } from "std/nn"

// ── boxes ──

/// The area of each box.
export fn box_area(boxes: [...s, 4]) -> [...s] = (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])

/// Intersection over union of each of a with each of b; 0 where both are empty.
export fn box_iou(a: [n, 4], b: [m, 4]) -> [n, m] {
  let (both, union) = overlap(a, b)
  both / max(union, 1e-9)
}

/// Intersection over union less the part of the enclosing box that neither covers (Rezatofighi et al. 2019).
export fn generalized_box_iou(a: [n, 4], b: [m, 4]) -> [n, m] {
  let (both, union) = overlap(a, b)
  let hull = for i < n, j < m =>
    (max(a[i, 2], b[j, 2]) - min(a[i, 0], b[j, 0])) * (max(a[i, 3], b[j, 3]) - min(a[i, 1], b[j, 1]))
  both / max(union, 1e-9) - (hull - union) / max(hull, 1e-9)
}

fn overlap(a: [n, 4], b: [m, 4]) {
  let both = for i < n, j < m =>
    max(min(a[i, 2], b[j, 2]) - max(a[i, 0], b[j, 0]), 0.0) * max(min(a[i, 3], b[j, 3]) - max(a[i, 1], b[j, 1]), 0.0)
  (both, reshape(box_area(a), [n, 1]) + box_area(b) - both)
}

/// Boxes within an image of height h and width w.
export fn clip_boxes(boxes: [...s, 4], h: f32[], w: f32[]) -> [...s, 4] =
  min(max(boxes, 0), stack([w, h, w, h], axis=0))

// Centres and sizes.
fn centered(boxes: [...s, 4]) {
  let (w, h) = (boxes[..., 2] - boxes[..., 0], boxes[..., 3] - boxes[..., 1])
  (x=boxes[..., 0] + 0.5 * w, y=boxes[..., 1] + 0.5 * h, w=w, h=h)
}

/// What a regression has to give for `boxes` to become `targets`: weights[0] (tx - x) / w, weights[1] (ty - y) / h,
/// weights[2] log(tw / w), weights[3] log(th / h), of centres and sizes (Girshick et al. 2014).
export fn encode_boxes(targets: [...s, 4], boxes: [...s, 4], weights: (real, real, real, real) = (1.0, 1.0, 1.0, 1.0)) -> [...s, 4] {
  let (t, b) = (centered(targets), centered(boxes))
  let (w, h) = (max(b.w, 1e-6), max(b.h, 1e-6))
  stack([weights[0] * (t.x - b.x) / w, weights[1] * (t.y - b.y) / h,
         weights[2] * log(max(t.w, 1e-6) / w), weights[3] * log(max(t.h, 1e-6) / h)], axis=-1)
}

/// The inverse of `encode_boxes`; sizes grow at most 1000 / 16 times.
export fn decode_boxes(deltas: [...s, 4], boxes: [...s, 4], weights: (real, real, real, real) = (1.0, 1.0, 1.0, 1.0)) -> [...s, 4] {
  let b = centered(boxes)
  let x = deltas[..., 0] / weights[0] * b.w + b.x
  let y = deltas[..., 1] / weights[1] * b.h + b.y
  let w = exp(min(deltas[..., 2] / weights[2], 4.135166556742356)) * b.w
  let h = exp(min(deltas[..., 3] / weights[3], 4.135166556742356)) * b.h
  stack([x - 0.5 * w, y - 0.5 * h, x + 0.5 * w, y + 0.5 * h], axis=-1)
}

/// Boxes of every size and aspect ratio (height over width) at every cell of an h × w grid that lies `stride` pixels
/// apart: [h * w * a, 4], a ratio by ratio and in it size by size, with rounded corners.
export fn anchors(h: int, w: int, stride: real, sizes: list, aspect_ratios: list = [0.5, 1.0, 2.0]) -> [h * w * len(sizes) * len(aspect_ratios), 4] {
  let cells = fold all = [] over r in aspect_ratios => all + (for s in sizes => corners(s / sqrt(1.0 * r), s * sqrt(1.0 * r)))
  let shift = for i < h, j < w, k < 4 => stride * f32(if k % 2 == 0 { j } else { i })
  reshape(reshape(shift, [h * w, 1, 4]) + stack(cells), [h * w * len(sizes) * len(aspect_ratios), 4])
}

fn corners(w: real, h: real) = stack([round(full([], -w / 2.0)), round(full([], -h / 2.0)), round(full([], w / 2.0)), round(full([], h / 2.0))])

// ── selection ──

/// Non-maximum suppression: the positions of boxes that no kept box with a larger score overlaps by more than
/// `iou_threshold`, by falling score; of equal scores the first counts as larger. Boxes of different `classes` do not
/// suppress each other; boxes with a score of at most `score_threshold` are left out. At most `max_output` positions,
/// then -1, and how many there are.
export fn nms(boxes: [n, 4], scores: [n], iou_threshold: real, max_output: int, classes: i32[n]? = none,
              score_threshold: real = -1e29) -> (indices: i32[max_output], count: i32[]) {
  let boxes = stop_gradient(boxes)
  let start = stop_gradient(where(scores > score_threshold, scores, -inf))
  let (picked, _) = scan left = start over k < max_output while max(left) > -1e29 => {
    let best  = argmax(left)
    let near  = reshape(box_iou(reshape(gather(boxes, best), [1, 4]), boxes), [n]) > iou_threshold
    let mates = if classes != none { near && classes == gather(classes, best) } else { near }
    (where(mates || iota(n) == best, -inf, left), best + 1)
  }
  (indices=picked - 1, count=sum(i32(picked > 0)))
}

/// Which target each box is for: of the targets with the largest overlap (rows of `iou` are targets), the first, where
/// it is at least `high`; -1 (background) where it is below `low`, -2 (to be left out) between. With
/// `allow_low_quality` each target also gets the boxes that overlap it most (torchvision's Matcher). Rows at or beyond
/// `count` are padding.
export fn match_boxes(iou: [m, n], high: real, low: real, allow_low_quality: bool = false, count: i32[]? = none) -> i32[n] {
  let iou  = if count != none { where(reshape(iota(m) < count, [m, 1]), iou, -1.0) } else { iou }
  let best = max(iou, axis=0)
  let own  = argmax(iou, axis=0)
  let base = where(best < low, -1, where(best < high, -2, own))
  if allow_low_quality {
    let top = max(iou, axis=1, keepdim=true)
    where(any(iou == top && top > 0, axis=0), own, base)
  } else { base }
}

// ── regions ──

/// The largest feature in each bin of each region: features [b, c, h, w], regions [r, 5] of image number and box, bins
/// of whole pixels, 0 where a bin is empty (Girshick 2015, torchvision.ops.roi_pool).
export fn roi_pool(features: [b, c, h, w], regions: [r, 5], output_size: int | (int, int), spatial_scale: real = 1.0) {
  let (ph, pw) = pair(output_size)
  let box  = stop_gradient(regions)
  let at   = floor(box * spatial_scale + 0.5)
  let cols = for i < r, q < pw, x < w => covers(at[i, 1], at[i, 3], q, pw, x)
  let rows = for i < r, p < ph, y < h => covers(at[i, 2], at[i, 4], p, ph, y)
  let own  = gather(features, i32(box[:, 0]))
  let wide = max(where(reshape(cols, [r, 1, 1, pw, w]), reshape(own, [r, c, h, 1, w]), -inf), axis=-1)
  let all  = max(where(reshape(rows, [r, 1, ph, 1, h]), reshape(transpose(wide), [r, c, 1, pw, h]), -inf), axis=-1)
  where(all > -1e29, all, 0.0)
}

// Whether pixel x lies in bin q of n between two pixels.
fn covers(from: [...s], to: [...s], q: i32[...s], n: int, x: i32[...s]) {
  let size = max(to - from + 1.0, 1.0) / n
  f32(x) >= floor(f32(q) * size) + from && f32(x) < ceil(f32(q + 1) * size) + from
}

/// The mean of bilinear samples in each bin of each region: features [b, c, h, w], regions [r, 5] of image number and
/// box, sampling_ratio² samples in a bin. `aligned` moves boxes by half a pixel (He et al. 2017, torchvision.ops.roi_align).
/// A sampling_ratio of -1 takes a sample for each pixel of a bin, ⌈height / bins⌉ by ⌈width / bins⌉, as for a region as
/// large as the features where one is larger.
export fn roi_align(features: [b, c, h, w], regions: [r, 5], output_size: int | (int, int), spatial_scale: real = 1.0,
                    sampling_ratio: int = 2, aligned: bool = false) {
  let (ph, pw) = pair(output_size)
  let box  = stop_gradient(regions)
  let move = if aligned { 0.5 } else { 0.0 }
  let at   = for i < r, k < 4 => box[i, k + 1] * spatial_scale - move
  // Each sample is a product of shares of rows and of columns.
  let rows = bin_shares(at[:, 1], at[:, 3], ph, h, sampling_ratio, aligned)
  let cols = bin_shares(at[:, 0], at[:, 2], pw, w, sampling_ratio, aligned)
  let own  = gather(features, i32(box[:, 0]))
  einsum[r p h, r c h q -> r c p q](rows, einsum[r c h w, r q w -> r c h q](own, cols))
}

// How much each of n pixels counts in each bin of the interval between two coordinates.
fn bin_shares(from: [r], to: [r], bins: int, n: int, ratio: int, aligned: bool) -> [r, bins, n] {
  let size  = if aligned { to - from } else { max(to - from, 1.0) }
  let most  = if ratio > 0 { ratio } else { ceil_div(n, bins) + 1 }
  let count = if ratio > 0 { full([r], 1.0 * ratio) } else { min(max(ceil(size / bins), 0.0), f32(most)) }
  let each  = for i < r, p < bins, j < most, k < n =>
    where(f32(j) < count[i], share(from[i] + size[i] / bins * (f32(p) + (f32(j) + 0.5) / max(count[i], 1.0)), k, n), 0.0)
  sum(each, axis=2) / reshape(max(count, 1.0), [r, 1, 1])
}

// How much pixel k of n counts at place x: 0 outside by more than a pixel, else linear, the edge pixels beyond the edge.
fn share(x: [...s], k: i32[...s], n: int) {
  let place = min(max(x, 0.0), n - 1.0)
  where(x < -1.0 || x > 1.0 * n, 0.0, max(1.0 - abs(place - f32(k)), 0.0))
}

// ── region proposals ──

/// Scores and deltas of `num_anchors` anchors at each place of a feature map (Ren et al. 2015): logits
/// [b, h * w * num_anchors] and deltas [b, h * w * num_anchors, 4], in the order of `anchors`.
export layer RPNHead(in_channels: int, num_anchors: int) {
  let conv       = Conv2d(in_channels, in_channels, 3, padding=1)
  let cls_logits = Conv2d(in_channels, num_anchors, 1)
  let bbox_pred  = Conv2d(in_channels, num_anchors * 4, 1)

  fn forward(x: [b, in_channels, h, w]) -> (logits: [b, h * w * num_anchors], deltas: [b, h * w * num_anchors, 4]) {
    let y = relu(conv(x))
    (logits=rearrange[b a h w -> b (h w a)](cls_logits(y)), deltas=rearrange[b (a k) h w -> b (h w a) k](bbox_pred(y), k=4))
  }
}

/// Proposals of one image: the `pre_nms` anchors with the largest logits, decoded, clipped to the image, and of those
/// after suppression the best `post_nms`, then zeros; and how many there are. No gradient.
export fn rpn_proposals(logits: [n], deltas: [n, 4], anchors: [n, 4], image_h: f32[], image_w: f32[], pre_nms: int, post_nms: int,
                        nms_threshold: real = 0.7, min_size: real = 1e-3) -> (boxes: [post_nms, 4], scores: [post_nms], count: i32[]) {
  let top    = topk(stop_gradient(logits), pre_nms)
  let boxes  = decode_boxes(stop_gradient(gather(deltas, top.indices)), gather(anchors, top.indices))
  let boxes  = clip_boxes(boxes, image_h, image_w)
  let wide   = boxes[:, 2] - boxes[:, 0] >= min_size && boxes[:, 3] - boxes[:, 1] >= min_size
  let kept   = nms(boxes, where(wide, top.values, -inf), nms_threshold, post_nms)
  (boxes=gather(boxes, kept.indices), scores=gather(sigmoid(top.values), kept.indices), count=kept.count)
}

/// The loss of one image's proposals: binary cross-entropy of the logits over matched (≥ 0) and background (-1) anchors,
/// and smooth L1 (beta 1/9) of the deltas of matched ones, both divided by the number of anchors that count.
/// `targets` are the boxes of the image, `matched` comes from `match_boxes`.
export fn rpn_loss(logits: [n], deltas: [n, 4], anchors: [n, 4], targets: [m, 4], matched: i32[n]) -> (objectness: [], box: []) {
  let used   = f32(matched >= -1)
  let own    = f32(matched >= 0)
  let count  = max(sum(used), 1)
  let wanted = encode_boxes(gather(targets, max(matched, 0)), anchors)
  let miss   = sum(smooth_l1_loss(deltas, wanted, reduction="none", beta=0.1111111111111111), axis=-1)
  (objectness=sum(bce_with_logits(logits, own) * used) / count, box=sum(miss * own) / count)
}
