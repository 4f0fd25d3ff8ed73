// Transformers that read 8×8 digits: as patches (ViT), beside convolutions (MobileViT), and pixel by pixel (Linformer).
import { VitB16 } from "std/models"
import { ConvBnReLU, LayerNorm, Linear, LinformerAttention, SeparableSelfAttention, global_avg_pool } from "std/nn"
import { AdamW, cosine } from "std/optim"

type Images = f32[b, 1, 8, 8]

/// What comes before and after attention in a transformer's block.
layer Block(attention: layer, d: int) {
  let norm1 = LayerNorm(d)
  let norm2 = LayerNorm(d)
  let fc1 = Linear(d, 2 * d)
  let fc2 = Linear(2 * d, d)
  fn forward(x: [b, t, d]) -> [b, t, d] {
    let x = x + attention(norm1(x))
    x + (x |> norm2 |> fc1 |> silu |> fc2)
  }
}

/// MobileViT with separable self-attention (Mehta & Rastegari 2022): a convolution sees what is near, then equal pixels of
/// all patches attend to each other at linear cost.
layer MobileViTBlock2(channels: int, d: int, depth: int, patch: int = 2) {
  let near   = ConvBnReLU(channels, d, 3, padding=1)
  let blocks = for i in 0..depth => Block(SeparableSelfAttention(d), d)
  let back   = ConvBnReLU(d, channels, 1)
  fn forward(x: [b, channels, h, w]) -> [b, channels, h, w] requires h % patch == 0, w % patch == 0 {
    let y = rearrange[b d (i p) (j q) -> (b p q) (i j) d](near(x), p=patch, q=patch)
    let y = fold y = y over f in blocks => f(y)
    x + back(rearrange[(b p q) (i j) d -> b d (i p) (j q)](y, b=b, p=patch, q=patch, i=h / patch))
  }
}

export model MobileViT(width: int = 16, d: int = 24, depth: int = 2) {
  let stem  = ConvBnReLU(1, width, 3, padding=1)
  let block = MobileViTBlock2(width, d, depth)
  let head  = Linear(width, 10)
  export fn forward(x: Images) -> [b, 10] = x |> stem |> block |> global_avg_pool |> head
}

/// Every pixel is a word: 64 positions, of whose keys and values attention sees `k` mixtures.
export model Pixels(d: int = 24, k: int = 8, depth: int = 2) {
  let value = Linear(1, d)
  param place: [64, d] = normal(0.5)
  let blocks = for i in 0..depth => Block(LinformerAttention(d, 4, 64, k), d)
  let norm = LayerNorm(d)
  let head = Linear(d, 10)
  export fn forward(x: Images) -> [b, 10] {
    let words = value(reshape(x, [b, 64, 1])) + place
    head(mean(norm(fold y = words over f in blocks => f(y)), axis=1))
  }
}

fn right(logits: [b, 10], y: i32[b]) -> [] = mean(f32(argmax(logits, axis=-1) == y))

export train FitVit(net: VitB16 = VitB16(classes=10, image_size=8, patch=2, d=32, heads=4, depth=2, inner=64, in_channels=1),
                    lr: f32[] = 3e-3, total: i32[] = 1000) {
  batch x: Images, y: i32[b]
  let logits = net(x / 8.0 - 1.0)
  minimize cross_entropy(logits, y) using AdamW(lr=cosine(lr, total, warmup=50))
  metric accuracy = right(logits, y)
}
export train FitMobileViT(net: MobileViT, lr: f32[] = 5e-3, total: i32[] = 1000) {
  batch x: Images, y: i32[b]
  let logits = net(x / 8.0 - 1.0)
  minimize cross_entropy(logits, y) using AdamW(lr=cosine(lr, total, warmup=50))
  metric accuracy = right(logits, y)
}
export train FitPixels(net: Pixels, lr: f32[] = 5e-3, total: i32[] = 1000) {
  batch x: Images, y: i32[b]
  let logits = net(x / 8.0 - 1.0)
  minimize cross_entropy(logits, y) using AdamW(lr=cosine(lr, total, warmup=50))
  metric accuracy = right(logits, y)
}
