// The vision transformer with torchvision's parameter names.
import { Conv2d } from "std/nn/conv"
import { Linear } from "std/nn/linear"
import { LayerNorm } from "std/nn/norm"
import { Dropout } from "std/nn/dropout"
import { Sequential } from "std/nn/container"
import { GELU } from "std/nn/activation"
import { MultiheadAttention } from "std/nn/attention"

// One block of a vision transformer: attention and two dense layers, each after a norm and with a residual.
layer VitBlock(d: int, heads: int, inner: int = 4 * d, dropout: real = 0.0, eps: real = 1e-6) {
  let ln_1 = LayerNorm(d, eps=eps)
  let self_attention = MultiheadAttention(d, heads, dropout=dropout)
  let drop = Dropout(dropout)
  let ln_2 = LayerNorm(d, eps=eps)
  let mlp  = Sequential([Linear(d, inner), GELU(), Dropout(dropout), Linear(inner, d), Dropout(dropout)])
  fn forward(x: [b, t, d]) -> [b, t, d] {
    let y = ln_1(x)
    let x = x + drop(self_attention(y, y, y).out)
    x + mlp(ln_2(x))
  }
}

/// ViT (Dosovitskiy et al. 2021): images of image_size × image_size pixels, cut into patches, behind a class token;
/// [b, in_channels, h, w] -> [b, classes]. Left alone it is ViT-B/16 with 86,567,656 parameters; `classes=0` gives the
/// class token's features. Paths: `class_token`, `conv_proj`, `encoder.pos_embedding`,
/// `encoder.layers.encoder_layer_0.ln_1`, …, `encoder.ln`, `heads.head`.
export model VitB16(classes: int = 1000, image_size: int = 224, patch: int = 16, d: int = 768, heads: int = 12,
                    depth: int = 12, inner: int = 4 * d, in_channels: int = 3, dropout: real = 0.0)
  requires image_size % patch == 0 {
  let side = image_size / patch
  param class_token: [1, 1, d] = zeros()
  let conv_proj = Conv2d(in_channels, d, patch, stride=patch)
  @name("encoder.pos_embedding") param pos_embedding: [1, side ^ 2 + 1, d] = normal(0.02)
  @name("encoder.layers.encoder_layer_{index}.{path}") let layers = for i in 0..depth => VitBlock(d, heads, inner, dropout)
  @name("encoder.ln.{path}") let ln = LayerNorm(d, eps=1e-6)
  @name("heads.head.{path}") let head = if classes > 0 { Linear(d, classes) } else { none }
  let drop = Dropout(dropout)

  /// The class token and the patches after the last block.
  fn tokens(x: [b, in_channels, image_size, image_size]) -> [b, side ^ 2 + 1, d] {
    let patches = rearrange[b d i j -> b (i j) d](conv_proj(x))
    let x = concat([broadcast_to(class_token, [b, 1, d]), patches], axis=1) + pos_embedding
    ln(fold x = drop(x) over f in layers => f(x))
  }
  export fn forward(x: [b, in_channels, image_size, image_size]) {
    let y = tokens(x)[:, 0]
    if head != none { head(y) } else { y }
  }
}
