// What region-based detectors have in common: the loss of a head that names regions and corrects them, and the choice of
// boxes from what it says.
import { box_area, box_iou, clip_boxes, decode_boxes, encode_boxes, match_boxes, nms } from "std/detection"

export const side = 48
export const classes = 3
const scale = (10.0, 10.0, 5.0, 5.0)

/// Regions of each image as rows of image number and box.
export fn numbered(regions: [b, r, 4]) -> [b * r, 5] {
  let image = for i < b, j < r, k < 1 => f32(i)
  reshape(concat([image, regions], axis=2), [b * r, 5])
}

/// Positions of targets in images become positions in all targets of the batch.
export fn in_batch(matched: i32[b, n], most: int) -> i32[b * n] =
  reshape(for i < b, j < n => if matched[i, j] >= 0 { matched[i, j] + most * i } else { matched[i, j] }, [b * n])

/// Cross-entropy of what regions show (0 is background) and smooth L1 of the corrections of those that show something.
/// `boxes` and `labels` of an image count up to `count`; empty regions are padding.
export fn head_loss(regions: [b, r, 4], logits: [b * r, classes + 1], deltas: [b * r, classes + 1, 4],
                    boxes: [b, m, 4], labels: i32[b, m], count: i32[b]) -> (named: [], placed: []) {
  let near  = for i < b => match_boxes(box_iou(boxes[i], regions[i]), 0.5, 0.5, count=count[i])
  let owner = in_batch(near, m)
  let own   = owner >= 0
  let label = where(own, gather(reshape(labels, [b * m]), max(owner, 0)) + 1, 0)
  let flat  = reshape(regions, [b * r, 4])
  let real  = box_area(flat) > 0.0
  let wanted = encode_boxes(gather(reshape(boxes, [b * m, 4]), max(owner, 0)), flat, scale)
  let said  = einsum[n k c, n k -> n c](deltas, one_hot(label, classes + 1))
  let off   = sum(smooth_l1_loss(said, wanted, reduction="none", beta=0.111), axis=-1)
  (named=cross_entropy(logits, where(real, label, -100), ignore_index=-100),
   placed=sum(where(own && real, off, 0.0)) / max(sum(f32(real)), 1.0))
}

/// Corrected boxes by falling score with their labels, without doubles; what there is less of than eight has a score of 0.
export fn chosen(regions: [b, r, 4], logits: [b * r, classes + 1], deltas: [b * r, classes + 1, 4])
  -> (boxes: [b, 8, 4], scores: [b, 8], labels: i32[b, 8]) {
  let p = softmax(logits)[:, 1:]
  let best = argmax(p, axis=-1)
  let own = einsum[n k c, n k -> n c](deltas[:, 1:], one_hot(best, classes))
  let flat = reshape(regions, [b * r, 4])
  let boxes = reshape(clip_boxes(decode_boxes(own, flat, scale), 48.0, 48.0), [b, r, 4])
  let scores = reshape(where(box_area(flat) > 0.0, max(p, axis=-1), 0.0), [b, r])
  let labels = reshape(best, [b, r])
  let kept = for i < b => nms(boxes[i], scores[i], 0.4, 8, score_threshold=0.05).indices
  let at = max(kept, 0)
  (boxes=(for i < b => gather(boxes[i], at[i])),
   scores=where(kept >= 0, (for i < b => gather(scores[i], at[i])), 0.0),
   labels=(for i < b => gather(labels[i], at[i])))
}
