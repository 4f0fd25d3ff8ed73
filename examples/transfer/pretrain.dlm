// A small ResNet for eight classes of 16×16 images, with torchvision's names. Its weights are a file for others.
import { ResNet18 } from "std/models"
import { AdamW, cosine } from "std/optim"

export train Pretrain(net: ResNet18 = ResNet18(classes=8, width=8, layers=[1, 1, 1, 1], in_channels=1, small_images=true),
                      lr: f32[] = 5e-3, total: i32[] = 100) {
  batch x: f32[b, 1, 16, 16], y: i32[b]
  let logits = net(x)
  minimize cross_entropy(logits, y) using AdamW(lr=cosine(lr, total, warmup=20), weight_decay=1e-2)
  metric accuracy = mean(f32(argmax(logits, axis=-1) == y))
}
