// Detectors whose regions come from outside: R-CNN (Girshick et al. 2014) cuts each out of the picture and reads it by
// itself, Fast R-CNN (Girshick 2015) reads the picture once and cuts regions out of the map.
import { ConvBnReLU, Linear } from "std/nn"
import { roi_align, roi_pool } from "std/detection"
import { AdamW, cosine } from "std/optim"
import { chosen, classes, head_loss, numbered, side } from "./regions.dlm"

layer Head(inputs: int, hidden: int) {
  let fc  = Linear(inputs, hidden)
  let cls = Linear(hidden, classes + 1)
  let box = Linear(hidden, 4 * (classes + 1))
  fn forward(x: [n, inputs]) -> (logits: [n, classes + 1], deltas: [n, classes + 1, 4]) {
    let y = relu(fc(x))
    (logits=cls(y), deltas=reshape(box(y), [n, classes + 1, 4]))
  }
}

layer Trunk(width: int) {
  let conv1 = ConvBnReLU(1, width, 3, stride=2, padding=1)
  let conv2 = ConvBnReLU(width, 2 * width, 3, stride=2, padding=1)
  fn forward(x: [b, 1, h, w]) = x |> conv1 |> conv2
}

export model Rcnn(width: int = 8, hidden: int = 64) {
  let trunk = Trunk(width)
  let head  = Head(32 * width, hidden)
  fn said(x: [b, 1, side, side], regions: [b, r, 4]) {
    let maps = trunk(roi_align(x, numbered(regions), 16))
    head(reshape(maps, [b * r, 32 * width]))
  }
  export fn detect(x: f32[b, 1, side, side], regions: f32[b, r, 4]) -> (boxes: [b, 8, 4], scores: [b, 8], labels: i32[b, 8]) {
    let y = said(x, regions)
    chosen(regions, y.logits, y.deltas)
  }
}

export model FastRcnn(width: int = 8, hidden: int = 64) {
  let trunk = Trunk(width)
  let head  = Head(50 * width, hidden)
  fn said(x: [b, 1, side, side], regions: [b, r, 4]) {
    let cut = roi_pool(trunk(x), numbered(regions), 5, spatial_scale=0.25)
    head(reshape(cut, [b * r, 50 * width]))
  }
  export fn detect(x: f32[b, 1, side, side], regions: f32[b, r, 4]) -> (boxes: [b, 8, 4], scores: [b, 8], labels: i32[b, 8]) {
    let y = said(x, regions)
    chosen(regions, y.logits, y.deltas)
  }
}

export train FitRcnn(net: Rcnn, lr: f32[] = 4e-3, total: i32[] = 500) {
  batch x: f32[b, 1, side, side], regions: f32[b, r, 4], boxes: f32[b, m, 4], labels: i32[b, m], count: i32[b]
  let y = net.said(x, regions)
  let off = head_loss(regions, y.logits, y.deltas, boxes, labels, count)
  minimize off.named + off.placed using AdamW(lr=cosine(lr, total, warmup=20))
}
export train FitFast(net: FastRcnn, lr: f32[] = 4e-3, total: i32[] = 500) {
  batch x: f32[b, 1, side, side], regions: f32[b, r, 4], boxes: f32[b, m, 4], labels: i32[b, m], count: i32[b]
  let y = net.said(x, regions)
  let off = head_loss(regions, y.logits, y.deltas, boxes, labels, count)
  minimize off.named + off.placed using AdamW(lr=cosine(lr, total, warmup=20))
}
