// exec: n=6
// Non-maximum suppression: boxes in order of score, each one dropping those after it that overlap it too much.

/// Intersection over union of all pairs of boxes (x1, y1, x2, y2).
fn overlap(box: [n, 4]) -> [n, n] {
  let area = (box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1])
  let both = for i < n, j < n =>
    max(min(box[i, 2], box[j, 2]) - max(box[i, 0], box[j, 0]), 0.0) *
    max(min(box[i, 3], box[j, 3]) - max(box[i, 1], box[j, 1]), 0.0)
  for i < n, j < n => both[i, j] / max(area[i] + area[j] - both[i, j], 1e-9)
}

export model Detector(threshold: real = 0.3) {
  param scale: [] = ones()

  /// Indices of the boxes that stay, best first, and how many there are; the rest are -1.
  export fn nms(corner: [n, 2], size: [n, 2], score: [n]) -> (kept: i32[n], count: i32[]) {
    let order = argsort(score, descending=true)
    let box = gather(concat([corner, corner + scale * (0.5 + abs(size))], axis=1), order)
    let iou = overlap(box)
    let keep = fold keep = full([n], true) over i < n => for j < n =>
      keep[j] &&
      !(keep[i] && j > i && iou[i, j] > threshold)
    let count = sum(i32(keep))
    let first = argsort(where(keep, iota(n), n))
    (kept=where(iota(n) < count, gather(order, first), -1), count=count)
  }
}
