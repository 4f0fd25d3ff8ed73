// exec: b=7 y<4 p<4
import { accuracy, top_k_accuracy, confusion_matrix, precision, recall, f1_score, mean_iou, perplexity, mae, rmse, r2_score } from "std/metric"

export model Metrics() {
  export fn scores(x: [b, 4], y: i32[b]) = (accuracy(x, y), top_k_accuracy(x, y, 2), accuracy(x, y, ignore_index=1), perplexity(x, y))
  export fn ids(p: i32[b], y: i32[b]) = (confusion_matrix(p, y, 4), precision(p, y, 4, "none"), recall(p, y, 4, "macro"), f1_score(p, y, 4, "micro"), f1_score(p, y, 4), mean_iou(p, y, 4, ignore_index=0))
  export fn numbers(x: [b, 4], z: [b, 4]) = (mae(x, z), rmse(x, z), r2_score(x, z))
}
