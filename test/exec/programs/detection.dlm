// exec: b=2 n=6 r=3 image<2
import { SGD } from "std/optim"
import { box_iou, generalized_box_iou, encode_boxes, decode_boxes, anchors, nms, match_boxes, roi_pool, roi_align, RPNHead, rpn_proposals, rpn_loss } from "std/detection"

fn boxes(c: [n, 2], size: [n, 2]) -> [n, 4] = concat([3.0 + 2.0 * c, 4.5 + 2.0 * c + abs(size)], axis=1)

export model Detector() {
  let head = RPNHead(2, 3)
  export fn overlaps(c: [n, 2], s: [n, 2]) {
    let x = boxes(c, s)
    (box_iou(x, x), generalized_box_iou(x, x), encode_boxes(x, x + 0.5), decode_boxes(x / 8.0, x), match_boxes(box_iou(x + 0.25, x), 0.6, 0.2, allow_low_quality=true))
  }
  export fn select(c: [n, 2], s: [n, 2], score: [n], kinds: i32[n]) = (nms(boxes(c, s), score, 0.3, 4), nms(boxes(c, s), score, 0.3, 4, classes=kinds, score_threshold=0.0))
  export fn regions(x: [b, 2, 6, 7], c: [r, 2], s: [r, 2], image: i32[r]) {
    let at = concat([rearrange[r -> r 1](f32(image)), boxes(c, s)], axis=1)
    (roi_pool(x, at, 2), roi_align(x, at, (2, 3), spatial_scale=0.8, aligned=true), roi_align(x, at, 2))
  }
  export fn propose(x: [1, 2, 3, 4]) {
    let r = head(x)
    let all = anchors(3, 4, 4.0, [6.0])
    rpn_proposals(r.logits[0], r.deltas[0], all, 12.0, 16.0, 20, 5)
  }
}

export train Fit(net: Detector) {
  batch x: f32[1, 2, 3, 4], c: f32[2, 2], s: f32[2, 2]
  let r = net.head(x)
  let all = anchors(3, 4, 4.0, [6.0])
  let t = boxes(c, s)
  let l = rpn_loss(r.logits[0], r.deltas[0], all, t, match_boxes(box_iou(t, all), 0.5, 0.3, allow_low_quality=true))
  minimize l.objectness + l.box using SGD(lr=0.1)
}
