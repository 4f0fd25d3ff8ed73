// Attention: scaled dot-product and multi-head (torch.nn), additive and multiplicative scores of
// encoder–decoder models, local windows, Linformer and separable self-attention.
import { xavier_uniform, xavier_normal } from "std/init"
import { Linear } from "std/nn/linear"

/// softmax(q · kᵀ / √e + mask) · v (Vaswani et al. 2017). `mask` broadcasts to [..., t, s]: bool, true where t may
/// not attend to s, or floats that are added. A row that may attend to nothing is uniform.
export fn scaled_dot_product_attention(q: [...p, t, e], k: [...p, s, e], v: [...p, s, f], mask: bool[...] | [...] ? = none,
                                       dropout_p: real = 0.0, scale: real? = none) -> [...p, t, f] {
  let w = softmax(masked((q @ transpose(k)) * (scale ?? (1.0 / sqrt(e))), mask), axis=-1)
  dropout(w, dropout_p) @ v
}

/// Scores with a mask: -inf where a bool mask is true, or a float mask added.
export fn masked(scores: [...], mask: bool[...m] | [...m] ? = none) =
  if mask == none { scores } else if dtype_of(mask) == bool { where(mask, -inf, scores) } else { scores + mask }

/// True above the diagonal: what a causal model may not see.
export fn causal_mask(t: int) -> bool[t, t] = for i < t, j < t => j > i

/// True where i and j are more than `window` apart.
export fn local_mask(t: int, window: int) -> bool[t, t] = for i < t, j < t => j > i + window || j < i - window

/// Attention with several heads (Vaswani et al. 2017), parameters as in torch.nn.MultiheadAttention. Gives `out`
/// [b, t, embed_dim] and `weights` [b, t, s], the mean over heads. Masks have PyTorch's polarity: true is ignored;
/// float masks are added. `batch_first` is true by default.
export layer MultiheadAttention(embed_dim: int, num_heads: int, dropout: real = 0.0, bias: bool = true,
                                add_bias_kv: bool = false, add_zero_attn: bool = false, kdim: int? = none,
                                vdim: int? = none, batch_first: bool = true)
  requires embed_dim % num_heads == 0 {
  let dh   = embed_dim / num_heads
  let dk   = kdim ?? embed_dim
  let dv   = vdim ?? embed_dim
  let same = dk == embed_dim && dv == embed_dim
  param in_proj_weight: [3 * embed_dim, embed_dim] = xavier_uniform() when same
  param q_proj_weight: [embed_dim, embed_dim] = xavier_uniform() when !same
  param k_proj_weight: [embed_dim, dk] = xavier_uniform() when !same
  param v_proj_weight: [embed_dim, dv] = xavier_uniform() when !same
  param in_proj_bias: [3 * embed_dim] = zeros() when bias
  param bias_k: [1, 1, embed_dim] = xavier_normal() when add_bias_kv
  param bias_v: [1, 1, embed_dim] = xavier_normal() when add_bias_kv
  let out_proj = Linear(embed_dim, embed_dim, bias=bias)

  fn weight(part: int) = if in_proj_weight != none { split(in_proj_weight, 3, axis=0)[part] }
    else { [q_proj_weight, k_proj_weight, v_proj_weight][part] }

  fn project(x: [b, t, _], part: int) -> [b, t, embed_dim] =
    linear(x, weight(part), if in_proj_bias != none { split(in_proj_bias, 3, axis=0)[part] } else { none })

  // One more position to attend to, for every example.
  fn extended(x: [b, s, embed_dim], extra: [1, 1, embed_dim]?) =
    if extra == none { x } else { concat([x, broadcast_to(extra, [b, 1, embed_dim])], axis=1) }

  fn forward(query: [_, _, embed_dim], key: [_, _, dk], value: [_, _, dv], key_padding_mask: bool[_, _] | [_, _] ? = none,
             need_weights: bool = true, attn_mask: bool[...m] | [...m] ? = none, average_attn_weights: bool = true) {
    let first = fn (x: [_, _, _]) => if batch_first { x } else { transpose(x, 0, 1) }
    let q = project(first(query), 0)
    let k = extended(project(first(key), 1), bias_k)
    let v = extended(project(first(value), 2), bias_v)
    let zero = fn (x: [b, s, n]) => if add_zero_attn { concat([x, zeros([b, 1, n])], axis=1) } else { x }
    let (k, v) = (zero(k), zero(v))
    let fan = fn (x: [b, t, embed_dim]) => rearrange[b t (num_heads dh) -> b num_heads t dh](x)
    let more = (if add_bias_kv { 1 } else { 0 }) + (if add_zero_attn { 1 } else { 0 })
    let open = fn (m: bool[...m] | [...m]) =>
      if more == 0 { m } else { concat([m, full(shape(m)[: rank(m) - 1] + [more], if dtype_of(m) == bool { false } else { 0.0 })], axis=-1) }
    let scores = (fan(q) @ transpose(fan(k))) / sqrt(dh)
    let scores = if attn_mask == none { scores } else {
      let m = open(attn_mask)
      masked(scores, if rank(m) == 3 { reshape(m, shape(scores)) } else { m })
    }
    let scores = if key_padding_mask == none { scores } else {
      masked(scores, rearrange[b s -> b 1 1 s](open(key_padding_mask)))
    }
    let w = softmax(scores, axis=-1)
    let y = rearrange[b num_heads t dh -> b t (num_heads dh)](dropout_of(w) @ fan(v))
    (out=first(out_proj(y)),
     weights=if !need_weights { none } else if average_attn_weights { mean(w, axis=1) } else { w })
  }

  fn dropout_of(w: [...]) -> [...] = dropout_by(w, dropout)
}

// Inside of a layer whose config is called `dropout`, the function of that name is out of reach.
fn dropout_by(x: [...], p: real) -> [...] = dropout(x, p)

/// What attention over a memory gives: the weighted sum and the weights.
fn attended(scores: [b, s], memory: [b, s, d], keep: bool[b, s]?) -> (context: [b, d], weights: [b, s]) {
  let w = softmax(if keep != none { where(keep, scores, -inf) } else { scores }, axis=-1)
  (context=einsum[b s, b s d -> b d](w, memory), weights=w)
}

/// Additive attention (Bahdanau et al. 2015): score = vᵀ tanh(W_q h + W_k m). `keep`: true where memory is real.
export layer AdditiveAttention(query_dim: int, memory_dim: int, hidden_dim: int) {
  let query = Linear(query_dim, hidden_dim, bias=false)
  let key   = Linear(memory_dim, hidden_dim, bias=false)
  let score = Linear(hidden_dim, 1, bias=false)
  fn scores(h: [b, query_dim], memory: [b, s, memory_dim]) -> [b, s] =
    rearrange[b s 1 -> b s](score(tanh(key(memory) + rearrange[b d -> b 1 d](query(h)))))
  fn forward(h: [b, query_dim], memory: [b, s, memory_dim], keep: bool[b, s]? = none)
    -> (context: [b, memory_dim], weights: [b, s]) = attended(scores(h, memory), memory, keep)
}

/// Multiplicative attention (Luong et al. 2015). Score "dot": hᵀm; "general": hᵀWm; "concat": vᵀ tanh(W [h; m]).
export layer LuongAttention(query_dim: int, memory_dim: int, method: "dot" | "general" | "concat" = "dot")
  requires method != "dot" || query_dim == memory_dim {
  let general = if method == "general" { Linear(memory_dim, query_dim, bias=false) } else { none }
  let joint   = if method == "concat" { Linear(query_dim + memory_dim, query_dim, bias=false) } else { none }
  let score   = if method == "concat" { Linear(query_dim, 1, bias=false) } else { none }
  fn scores(h: [b, query_dim], memory: [b, s, memory_dim]) -> [b, s] =
    if method == "dot" { einsum[b d, b s d -> b s](h, memory) }
    else if method == "general" { einsum[b d, b s d -> b s](h, general(memory)) }
    else {
      let both = concat([broadcast_to(rearrange[b d -> b 1 d](h), [b, s, query_dim]), memory], axis=-1)
      rearrange[b s 1 -> b s](score(tanh(joint(both))))
    }
  fn forward(h: [b, query_dim], memory: [b, s, memory_dim], keep: bool[b, s]? = none)
    -> (context: [b, memory_dim], weights: [b, s]) = attended(scores(h, memory), memory, keep)
}

/// Local attention around a predicted position p = S · sigmoid(vᵀ tanh(W h)) (Luong et al. 2015, "local-p"): general
/// scores within `window` of p, times a Gaussian of deviation window / 2. With `mix` the result is averaged with
/// global attention by a learned gate (hybrid).
export layer LocalAttention(query_dim: int, memory_dim: int, window: int = 2, mix: bool = false) {
  let position = Linear(query_dim, query_dim, bias=false)
  let place    = Linear(query_dim, 1, bias=false)
  let general  = Linear(memory_dim, query_dim, bias=false)
  let gate     = if mix { Linear(query_dim, 1) } else { none }

  fn forward(h: [b, query_dim], memory: [b, s, memory_dim], keep: bool[b, s]? = none)
    -> (context: [b, memory_dim], weights: [b, s]) {
    let scores = einsum[b d, b s d -> b s](h, general(memory))
    let scores = if keep != none { where(keep, scores, -inf) } else { scores }
    let length = if keep != none { sum(f32(keep), axis=-1, keepdim=true) } else { full([b, 1], f32(s)) }
    let p = length * sigmoid(place(tanh(position(h))))
    let away = f32(iota(s)) - p
    let near = softmax(where(abs(away) <= window, scores, -inf), axis=-1) * exp(-2.0 * (away / window) ^ 2)
    let w = if gate == none { near } else {
      let g = sigmoid(gate(h))
      g * near + (1 - g) * softmax(scores, axis=-1)
    }
    (context=einsum[b s, b s d -> b d](w, memory), weights=w)
  }
}

/// Linformer (Wang et al. 2020): keys and values of `length` positions are projected to k, so that the cost grows
/// linearly with the length. Shorter inputs use the first columns of the projections.
export layer LinformerAttention(embed_dim: int, num_heads: int, length: int, k: int, share_kv: bool = false)
  requires embed_dim % num_heads == 0 {
  let dh = embed_dim / num_heads
  let q_proj = Linear(embed_dim, embed_dim)
  let k_proj = Linear(embed_dim, embed_dim)
  let v_proj = Linear(embed_dim, embed_dim)
  let out_proj = Linear(embed_dim, embed_dim)
  param e: [k, length] = xavier_normal()
  param f: [k, length] = xavier_normal() when !share_kv

  fn forward(x: [b, t, embed_dim]) -> [b, t, embed_dim] requires t <= length {
    let fan = fn (x: [b, n, embed_dim]) => rearrange[b n (num_heads dh) -> b num_heads n dh](x)
    let keys = einsum[k t, b t c -> b k c](e[:, :t], k_proj(x))
    let values = einsum[k t, b t c -> b k c]((f ?? e)[:, :t], v_proj(x))
    let y = scaled_dot_product_attention(fan(q_proj(x)), fan(keys), fan(values))
    out_proj(rearrange[b num_heads t dh -> b t (num_heads dh)](y))
  }
}

/// Separable self-attention of MobileViT v2 (Mehta & Rastegari 2022): one score per position, linear cost.
export layer SeparableSelfAttention(embed_dim: int) {
  let qkv_proj = Linear(embed_dim, 1 + 2 * embed_dim)
  let out_proj = Linear(embed_dim, embed_dim)
  fn forward(x: [...p, t, embed_dim]) -> [...p, t, embed_dim] {
    let (q, k, v) = split(qkv_proj(x), [1, embed_dim, embed_dim], axis=-1)
    let context = sum(k * softmax(q, axis=-2), axis=-2, keepdim=true)
    out_proj(relu(v) * context)
  }
}
