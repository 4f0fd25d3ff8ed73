/// Layers with the names, arguments and parameter layouts of torch.nn.
import { kaiming_uniform, fan_uniform, recurrent_uniform, xavier_uniform } from "std/init"

/// y = x · Wᵀ + b. weight: [out, in], bias: [out].
export layer Linear(in_features: int, out_features: int, bias: bool = true) {
  param weight: [out_features, in_features] = kaiming_uniform()
  param bias: [out_features] = fan_uniform(in_features) when bias
  fn forward(x: [..., in_features]) -> [..., out_features] = linear(x, weight, bias)
}

/// Rows of a table by id: [...] -> [..., dim]. An id out of range gives zeros.
export layer Embedding(num_embeddings: int, embedding_dim: int) {
  param weight: [num_embeddings, embedding_dim] = normal(1.0)
  fn forward(ids: i32[...]) -> [..., embedding_dim] = gather(weight, ids, axis=0)
}

/// Zeroes elements with probability p while training, and scales the others by 1 / (1 - p).
export layer Dropout(p: real = 0.5) {
  fn forward(x: [...]) -> [...] = dropout(x, p)
}

/// (x - mean) / sqrt(var + eps) * weight + bias over the last axis (Ba et al. 2016).
export layer LayerNorm(normalized_shape: int, eps: real = 1e-5, bias: bool = true) {
  param weight: [normalized_shape] = ones()
  param bias: [normalized_shape] = zeros() when bias
  fn forward(x: [..., normalized_shape]) -> [..., normalized_shape] {
    let m = mean(x, axis=-1, keepdim=true)
    let d = x - m
    let y = d * rsqrt(mean(d ^ 2, axis=-1, keepdim=true) + eps) * weight
    if bias != none { y + bias } else { y }
  }
}

/// x / sqrt(mean(x²) + eps) * weight over the last axis (Zhang & Sennrich 2019).
export layer RMSNorm(normalized_shape: int, eps: real = 1e-6) {
  param weight: [normalized_shape] = ones()
  fn forward(x: [..., normalized_shape]) -> [..., normalized_shape] =
    x * rsqrt(mean(x ^ 2, axis=-1, keepdim=true) + eps) * weight
}

/// Normalises features over the batch while training, by running statistics otherwise (Ioffe & Szegedy 2015).
export layer BatchNorm1d(num_features: int, eps: real = 1e-5, momentum: real = 0.1) {
  param weight: [num_features] = ones()
  param bias: [num_features] = zeros()
  state running_mean: f32[num_features] = zeros()
  state running_var: f32[num_features] = ones()

  fn forward(x: [b, num_features]) -> [b, num_features] {
    let (mean, var) = if training { moments(x, axes=0) } else { (running_mean, running_var) }
    update running_mean = lerp(running_mean, mean, momentum) when training
    update running_var = lerp(running_var, var * b / max(b - 1, 1), momentum) when training
    (x - mean) * rsqrt(var + eps) * weight + bias
  }
}

/// The value itself.
export layer Identity() {
  fn forward(x: [...]) -> [...] = x
}

/// Merges the axes from `start_dim` to `end_dim`.
export layer Flatten(start_dim: int = 1, end_dim: int = -1) {
  fn forward(x: [...]) = flatten(x, start_dim, end_dim)
}

/// max(x, 0).
export layer ReLU() {
  fn forward(x: [...]) -> [...] = relu(x)
}

/// x where x > 0, else slope * x.
export layer LeakyReLU(negative_slope: real = 0.01) {
  fn forward(x: [...]) -> [...] = leaky_relu(x, negative_slope)
}

/// x * Φ(x).
export layer GELU(approximate: "none" | "tanh" = "none") {
  fn forward(x: [...]) -> [...] = gelu(x, approximate)
}

/// x * sigmoid(x).
export layer SiLU() {
  fn forward(x: [...]) -> [...] = silu(x)
}

/// Hyperbolic tangent.
export layer Tanh() {
  fn forward(x: [...]) -> [...] = tanh(x)
}

/// 1 / (1 + exp(-x)).
export layer Sigmoid() {
  fn forward(x: [...]) -> [...] = sigmoid(x)
}

/// exp(x) / sum(exp(x)) along an axis.
export layer Softmax(dim: int = -1) {
  fn forward(x: [...]) -> [...] = softmax(x, dim)
}

/// Layers one after the other: `Sequential([Linear(4, 8), ReLU(), Linear(8, 3)])`; paths are `0`, `1`, ….
export layer Sequential(layers: list) {
  fn forward(x: [...]) = fold x = x over f in layers => f(x)
}

// ── recurrent layers ──

/// One step of an LSTM (Hochreiter & Schmidhuber 1997), gates i, f, g, o as in torch.nn.LSTMCell.
export layer LSTMCell(input_size: int, hidden_size: int) {
  param weight_ih: [4 * hidden_size, input_size]  = recurrent_uniform(hidden_size)
  param weight_hh: [4 * hidden_size, hidden_size] = recurrent_uniform(hidden_size)
  param bias_ih: [4 * hidden_size] = recurrent_uniform(hidden_size)
  param bias_hh: [4 * hidden_size] = recurrent_uniform(hidden_size)

  fn forward(x: [b, input_size], h: [b, hidden_size], c: [b, hidden_size])
    -> (h: [b, hidden_size], c: [b, hidden_size]) {
    let z = linear(x, weight_ih, bias_ih) + linear(h, weight_hh, bias_hh)
    let (i, f, g, o) = split(z, 4, axis=-1)
    let c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    (h=sigmoid(o) * tanh(c), c=c)
  }
}

/// An LSTM over axis 1: [b, t, input_size] -> out [b, t, hidden_size] and the last h and c. One dropout mask
/// on the recurrent state serves all steps (Gal & Ghahramani 2016).
export layer LSTM(input_size: int, hidden_size: int, recurrent_dropout: real = 0.0, reverse: bool = false) {
  let cell = LSTMCell(input_size, hidden_size)

  fn forward(x: [b, t, input_size], h0: [b, hidden_size]? = none, c0: [b, hidden_size]? = none)
    -> (out: [b, t, hidden_size], h: [b, hidden_size], c: [b, hidden_size]) {
    let zero = zeros([b, hidden_size])
    let keep = dropout_mask([b, hidden_size], recurrent_dropout)
    let seq  = if reverse { flip(x, axis=1) } else { x }
    let (out, (h, c)) = scan (h, c) = (h0 ?? zero, c0 ?? zero) over xt in seq along 1 => {
      let (h, c) = cell(xt, h * keep, c)
      ((h, c), h)
    }
    (out=if reverse { flip(out, axis=1) } else { out }, h=h, c=c)
  }
}

/// One step of a GRU (Cho et al. 2014), gates r, z, n with the reset after the product, as in torch.nn.GRUCell.
export layer GRUCell(input_size: int, hidden_size: int) {
  param weight_ih: [3 * hidden_size, input_size]  = recurrent_uniform(hidden_size)
  param weight_hh: [3 * hidden_size, hidden_size] = recurrent_uniform(hidden_size)
  param bias_ih: [3 * hidden_size] = recurrent_uniform(hidden_size)
  param bias_hh: [3 * hidden_size] = recurrent_uniform(hidden_size)

  fn forward(x: [b, input_size], h: [b, hidden_size]) -> [b, hidden_size] {
    let (xr, xz, xn) = split(linear(x, weight_ih, bias_ih), 3, axis=-1)
    let (hr, hz, hn) = split(linear(h, weight_hh, bias_hh), 3, axis=-1)
    let z = sigmoid(xz + hz)
    (1 - z) * tanh(xn + sigmoid(xr + hr) * hn) + z * h
  }
}

/// A GRU over axis 1: [b, t, input_size] -> out [b, t, hidden_size] and the last h.
export layer GRU(input_size: int, hidden_size: int, reverse: bool = false) {
  let cell = GRUCell(input_size, hidden_size)

  fn forward(x: [b, t, input_size], h0: [b, hidden_size]? = none) -> (out: [b, t, hidden_size], h: [b, hidden_size]) {
    let seq = if reverse { flip(x, axis=1) } else { x }
    let (out, h) = scan h = h0 ?? zeros([b, hidden_size]) over xt in seq along 1 => {
      let h = cell(xt, h)
      (h, h)
    }
    (out=if reverse { flip(out, axis=1) } else { out }, h=h)
  }
}

/// Any recurrent layer, run both ways; the features are concatenated or added.
export layer Bidirectional(rnn: layer, input_size: int, hidden_size: int, merge: "concat" | "sum" = "concat") {
  let fwd   = rnn(input_size, hidden_size)
  let bwd   = rnn(input_size, hidden_size, reverse=true)
  let width = if merge == "concat" { 2 * hidden_size } else { hidden_size }

  fn forward(x: [b, t, input_size]) -> [b, t, width] =
    if merge == "concat" { concat([fwd(x).out, bwd(x).out], axis=-1) }
    else { fwd(x).out + bwd(x).out }
}

// ── attention ──

/// Scaled dot-product attention (Vaswani et al. 2017). `ignore` broadcasts to [b, h, t, s]: true where
/// position t may not attend to s.
fn attention(q: [b, h, t, e], k: [b, h, s, e], v: [b, h, s, e], ignore: bool[...m]? = none) -> [b, h, t, e] {
  let scores = einsum[b h t e, b h s e -> b h t s](q, k) / sqrt(e)
  let masked = if ignore != none { where(ignore, -inf, scores) } else { scores }
  einsum[b h t s, b h s e -> b h t e](softmax(masked, axis=-1), v)
}

/// Attention with several heads, parameters laid out as in torch.nn.MultiheadAttention (batch first).
/// Masks have PyTorch's polarity: true is ignored.
export layer MultiheadAttention(embed_dim: int, num_heads: int, bias: bool = true) {
  let dh = embed_dim / num_heads
  param in_proj_weight: [3 * embed_dim, embed_dim] = xavier_uniform()
  param in_proj_bias: [3 * embed_dim] = zeros() when bias
  let out_proj = Linear(embed_dim, embed_dim, bias=bias)

  fn project(x: [b, t, embed_dim], part: int) -> [b, num_heads, t, dh] {
    let w = split(in_proj_weight, 3, axis=0)[part]
    let y = if in_proj_bias != none { linear(x, w, split(in_proj_bias, 3, axis=0)[part]) } else { linear(x, w) }
    rearrange[b t (num_heads dh) -> b num_heads t dh](y)
  }

  fn forward(query: [b, t, embed_dim], key: [b, s, embed_dim], value: [b, s, embed_dim],
             key_padding_mask: bool[b, s]? = none, attn_mask: bool[t, s]? = none) -> (out: [b, t, embed_dim]) {
    let (q, k, v) = (project(query, 0), project(key, 1), project(value, 2))
    let pad = if key_padding_mask != none { rearrange[b s -> b 1 1 s](key_padding_mask) } else { none }
    let ignore = if pad == none { attn_mask } else { if attn_mask == none { pad } else { pad || attn_mask } }
    (out=out_proj(rearrange[b num_heads t dh -> b t (num_heads dh)](attention(q, k, v, ignore))))
  }
}
