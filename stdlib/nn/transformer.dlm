// Transformer layers and stacks with the parameters of torch.nn (Vaswani et al. 2017), batch first.
import { Linear } from "std/nn/linear"
import { Dropout } from "std/nn/dropout"
import { LayerNorm } from "std/nn/norm"
import { MultiheadAttention } from "std/nn/attention"

/// Self-attention, then two dense layers, each with a residual; norms after them, or before (`norm_first`).
/// A bool mask is true where something is ignored; a float mask is added to the scores.
export layer TransformerEncoderLayer(d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: real = 0.1,
                                     activation: "relu" | "gelu" = "relu", layer_norm_eps: real = 1e-5, norm_first: bool = false) {
  let self_attn = MultiheadAttention(d_model, nhead, dropout=dropout)
  let linear1   = Linear(d_model, dim_feedforward)
  let linear2   = Linear(dim_feedforward, d_model)
  let norm1     = LayerNorm(d_model, eps=layer_norm_eps)
  let norm2     = LayerNorm(d_model, eps=layer_norm_eps)
  let drop      = Dropout(dropout)

  fn feed(x: [b, t, d_model]) -> [b, t, d_model] {
    let h = linear1(x)
    drop(linear2(drop(if activation == "gelu" { gelu(h) } else { relu(h) })))
  }
  fn forward(src: [b, t, d_model], src_mask: bool[...m] | [...m] ? = none, src_key_padding_mask: bool[b, t]? = none) -> [b, t, d_model] {
    let attend = fn (x: [b, t, d_model]) =>
      drop(self_attn(x, x, x, key_padding_mask=src_key_padding_mask, attn_mask=src_mask).out)
    if norm_first {
      let x = src + attend(norm1(src))
      x + feed(norm2(x))
    } else {
      let x = norm1(src + attend(src))
      norm2(x + feed(x))
    }
  }
}

/// Self-attention, attention over the memory, then two dense layers, each with a residual.
export layer TransformerDecoderLayer(d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: real = 0.1,
                                     activation: "relu" | "gelu" = "relu", layer_norm_eps: real = 1e-5, norm_first: bool = false) {
  let self_attn      = MultiheadAttention(d_model, nhead, dropout=dropout)
  let multihead_attn = MultiheadAttention(d_model, nhead, dropout=dropout)
  let linear1        = Linear(d_model, dim_feedforward)
  let linear2        = Linear(dim_feedforward, d_model)
  let norm1          = LayerNorm(d_model, eps=layer_norm_eps)
  let norm2          = LayerNorm(d_model, eps=layer_norm_eps)
  let norm3          = LayerNorm(d_model, eps=layer_norm_eps)
  let drop           = Dropout(dropout)

  fn feed(x: [b, t, d_model]) -> [b, t, d_model] {
    let h = linear1(x)
    drop(linear2(drop(if activation == "gelu" { gelu(h) } else { relu(h) })))
  }
  fn forward(tgt: [b, t, d_model], memory: [b, s, d_model], tgt_mask: bool[...m] | [...m] ? = none,
             memory_mask: bool[...n] | [...n] ? = none, tgt_key_padding_mask: bool[b, t]? = none,
             memory_key_padding_mask: bool[b, s]? = none) -> [b, t, d_model] {
    let attend = fn (x: [b, t, d_model]) =>
      drop(self_attn(x, x, x, key_padding_mask=tgt_key_padding_mask, attn_mask=tgt_mask).out)
    let look = fn (x: [b, t, d_model]) =>
      drop(multihead_attn(x, memory, memory, key_padding_mask=memory_key_padding_mask, attn_mask=memory_mask).out)
    if norm_first {
      let x = tgt + attend(norm1(tgt))
      let x = x + look(norm2(x))
      x + feed(norm3(x))
    } else {
      let x = norm1(tgt + attend(tgt))
      let x = norm2(x + look(x))
      norm3(x + feed(x))
    }
  }
}

/// `num_layers` encoder layers, and a norm at the end where `norm`. Paths: `layers.0`, …, `norm`.
export layer TransformerEncoder(d_model: int, nhead: int, num_layers: int, dim_feedforward: int = 4 * d_model,
                                dropout: real = 0.1, activation: "relu" | "gelu" = "relu", layer_norm_eps: real = 1e-5,
                                norm_first: bool = false, norm: bool = false) {
  let layers = for i in 0..num_layers =>
    TransformerEncoderLayer(d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, norm_first)
  @name("norm") let last = if norm { LayerNorm(d_model, eps=layer_norm_eps) } else { none }
  fn forward(src: [b, t, d_model], mask: bool[...m] | [...m] ? = none, src_key_padding_mask: bool[b, t]? = none) -> [b, t, d_model] {
    let x = fold x = src over f in layers => f(x, mask, src_key_padding_mask)
    if last != none { last(x) } else { x }
  }
}

/// `num_layers` decoder layers, and a norm at the end where `norm`. Paths: `layers.0`, …, `norm`.
export layer TransformerDecoder(d_model: int, nhead: int, num_layers: int, dim_feedforward: int = 4 * d_model,
                                dropout: real = 0.1, activation: "relu" | "gelu" = "relu", layer_norm_eps: real = 1e-5,
                                norm_first: bool = false, norm: bool = false) {
  let layers = for i in 0..num_layers =>
    TransformerDecoderLayer(d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, norm_first)
  @name("norm") let last = if norm { LayerNorm(d_model, eps=layer_norm_eps) } else { none }
  fn forward(tgt: [b, t, d_model], memory: [b, s, d_model], tgt_mask: bool[...m] | [...m] ? = none,
             memory_mask: bool[...n] | [...n] ? = none, tgt_key_padding_mask: bool[b, t]? = none,
             memory_key_padding_mask: bool[b, s]? = none) -> [b, t, d_model] {
    let x = fold x = tgt over f in layers =>
      f(x, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask)
    if last != none { last(x) } else { x }
  }
}

/// Encoder and decoder, each with a norm at the end, as torch.nn.Transformer.
export layer Transformer(d_model: int = 512, nhead: int = 8, num_encoder_layers: int = 6, num_decoder_layers: int = 6,
                         dim_feedforward: int = 2048, dropout: real = 0.1, activation: "relu" | "gelu" = "relu",
                         layer_norm_eps: real = 1e-5, norm_first: bool = false) {
  let encoder = TransformerEncoder(d_model, nhead, num_encoder_layers, dim_feedforward, dropout, activation, layer_norm_eps, norm_first, norm=true)
  let decoder = TransformerDecoder(d_model, nhead, num_decoder_layers, dim_feedforward, dropout, activation, layer_norm_eps, norm_first, norm=true)
  fn forward(src: [b, s, d_model], tgt: [b, t, d_model], src_mask: bool[...m] | [...m] ? = none,
             tgt_mask: bool[...n] | [...n] ? = none, memory_mask: bool[...o] | [...o] ? = none,
             src_key_padding_mask: bool[b, s]? = none, tgt_key_padding_mask: bool[b, t]? = none,
             memory_key_padding_mask: bool[b, s]? = none) -> [b, t, d_model] {
    let memory = encoder(src, src_mask, src_key_padding_mask)
    decoder(tgt, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask)
  }
}
