// A small convolutional network for eight classes of 16×16 images. Its weights become a file for others to use.
import { BatchNorm2d, Conv2d, Linear, MaxPool2d, ReLU, Sequential, global_avg_pool } from "std/nn"
import { AdamW, cosine } from "std/optim"

fn block(inputs: int, outputs: int) = [Conv2d(inputs, outputs, 3, padding=1, bias=false), BatchNorm2d(outputs), ReLU()]

/// Paths: `features.0.weight`, `features.1.weight`, `features.4.weight`, …, `classifier.weight`.
export model Source(width: int = 16, classes: int = 8) {
  let features = Sequential(block(1, width) + [MaxPool2d(2)] + block(width, 2 * width) + [MaxPool2d(2)]
                            + block(2 * width, 4 * width))
  let classifier = Linear(4 * width, classes)
  export fn forward(x: [b, 1, 16, 16]) -> [b, classes] = x |> features |> global_avg_pool |> classifier
}

export train Pretrain(net: Source, lr: f32[] = 1e-2, total: i32[] = 100) {
  batch x: f32[b, 1, 16, 16], y: i32[b]
  let logits = net(x)
  minimize cross_entropy(logits, y) using AdamW(lr=cosine(lr, total, warmup=20), weight_decay=1e-2)
  metric accuracy = mean(f32(argmax(logits, axis=-1) == y))
}
