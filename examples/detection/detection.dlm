// Faster R-CNN (Ren et al. 2015) with a feature pyramid (Lin et al. 2017), trained jointly in one step: a convolutional
// network gives two maps, a region proposal network says where something may be, RoI align cuts features out of the maps,
// and a head says what they show and corrects the boxes.
import { ConvBnReLU, FeaturePyramidNetwork, Linear } from "std/nn"
import { RPNHead, anchors, box_area, box_iou, match_boxes, roi_align, rpn_loss, rpn_proposals } from "std/detection"
import { AdamW, cosine, global_norm } from "std/optim"
import { chosen, classes, head_loss, in_batch, numbered, side } from "./regions.dlm"

const places = 180          // anchors of an image: 12 × 12 small ones and 6 × 6 large ones
const proposed = 12         // regions of an image that the head looks at
const bins = 4

export model FasterRcnn(width: int = 8, channels: int = 16, hidden: int = 64) {
  let conv1 = ConvBnReLU(1, width, 3, stride=2, padding=1)
  let conv2 = [ConvBnReLU(width, 2 * width, 3, stride=2, padding=1), ConvBnReLU(2 * width, 2 * width, 3, padding=1)]
  let conv3 = [ConvBnReLU(2 * width, 4 * width, 3, stride=2, padding=1), ConvBnReLU(4 * width, 4 * width, 3, padding=1)]
  let fpn   = FeaturePyramidNetwork([2 * width, 4 * width], channels)
  let rpn   = RPNHead(channels, 1)
  let fc    = Linear(bins * bins * channels, hidden)
  let cls   = Linear(hidden, classes + 1)
  let box   = Linear(hidden, 4 * (classes + 1))

  // Maps of strides 4 and 8.
  fn maps(x: [b, 1, side, side]) {
    let fine = conv2[1](conv2[0](conv1(x)))
    fpn([fine, conv3[1](conv3[0](fine))])
  }

  fn anchor_boxes() -> [places, 4] = concat([anchors(12, 12, 4.0, [12], [1.0]), anchors(6, 6, 8.0, [18], [1.0])], axis=0)

  // Logits and deltas of all anchors.
  fn objects(fine: [b, channels, 12, 12], coarse: [b, channels, 6, 6]) -> (logits: [b, places], deltas: [b, places, 4]) {
    let (small, large) = (rpn(fine), rpn(coarse))
    (logits=concat([small.logits, large.logits], axis=1), deltas=concat([small.deltas, large.deltas], axis=1))
  }

  fn regions(logits: [b, places], deltas: [b, places, 4]) -> [b, proposed, 4] =
    for i < b => rpn_proposals(logits[i], deltas[i], anchor_boxes(), 48.0, 48.0, 60, proposed).boxes

  // What the head says of regions, each read from the map that fits its size: logits, and deltas for each class.
  fn head(fine: [b, channels, 12, 12], coarse: [b, channels, 6, 6], regions: [b, r, 4])
    -> (logits: [b * r, classes + 1], deltas: [b * r, classes + 1, 4]) {
    let flat  = numbered(regions)
    let small = reshape(box_area(regions) < 225.0, [b * r, 1, 1, 1])
    let cut   = where(small, roi_align(fine, flat, bins, spatial_scale=0.25), roi_align(coarse, flat, bins, spatial_scale=0.125))
    let y = relu(fc(reshape(cut, [b * r, bins * bins * channels])))
    (logits=cls(y), deltas=reshape(box(y), [b * r, classes + 1, 4]))
  }

  /// Boxes by falling score with their labels; what there is less of than eight has a score of 0.
  export fn detect(x: f32[b, 1, side, side]) -> (boxes: [b, 8, 4], scores: [b, 8], labels: i32[b, 8]) {
    let maps = maps(x)
    let found = objects(maps[0], maps[1])
    let regions = regions(found.logits, found.deltas)
    let said = head(maps[0], maps[1], regions)
    chosen(regions, said.logits, said.deltas)
  }
}

/// `boxes` and `labels` of an image count up to `count`.
export train Fit(net: FasterRcnn, lr: f32[] = 4e-3, total: i32[] = 500) {
  batch x: f32[b, 1, side, side], boxes: f32[b, m, 4], labels: i32[b, m], count: i32[b]
  let maps = net.maps(x)
  let targets = reshape(boxes, [b * m, 4])

  // Proposals: every anchor is matched with a target, or is background, or is left out.
  let found = net.objects(maps[0], maps[1])
  let all = net.anchor_boxes()
  let matched = for i < b => match_boxes(box_iou(boxes[i], all), 0.5, 0.3, allow_low_quality=true, count=count[i])
  let first = rpn_loss(reshape(found.logits, [b * places]), reshape(found.deltas, [b * places, 4]),
                       reshape(broadcast_to(all, [b, places, 4]), [b * places, 4]), targets, in_batch(matched, m))

  // The head sees proposals and, as in the paper's code, the targets themselves.
  let regions = stop_gradient(concat([net.regions(found.logits, found.deltas), boxes], axis=1))
  let said = net.head(maps[0], maps[1], regions)
  let second = head_loss(regions, said.logits, said.deltas, boxes, labels, count)

  minimize first.objectness + first.box + second.named + second.placed
    using AdamW(lr=cosine(lr, total, warmup=20)) with { clip=global_norm(5.0) }
  metric objectness = first.objectness
  metric named = second.named
}
