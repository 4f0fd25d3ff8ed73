// exec: b=2 t=10 s=6
// Attention that trains: causal and dropped, with a bias and fewer heads of keys than of queries, and across two texts.
import { causal_mask, scaled_dot_product_attention } from "std/nn/attention"
import { SGD } from "std/optim"

export model Attentive(dh: int = 8, heads: int = 4, shared: int = 2) {
  let d = heads * dh
  let n = shared * dh
  param q: [3, d, d] = normal(0.3)
  param k: [2, d, d] = normal(0.3)
  param v: [2, d, d] = normal(0.3)
  param narrow: [2, n, d] = normal(0.3)
  param slope: [heads] = normal(0.5)

  fn fan(x: [b, t, d]) -> [b, heads, t, dh] = rearrange[b t (heads dh) -> b heads t dh](x)
  fn join(x: [b, heads, t, dh]) -> [b, t, d] = rearrange[b heads t dh -> b t (heads dh)](x)

  // A quarter of the weights is dropped.
  fn causal(x: [b, t, d]) -> [b, t, d] =
    scaled_dot_product_attention(fan(x @ q[0]), fan(x @ k[0]), fan(x @ v[0]), causal_mask(t), 0.25) |> join

  // Two heads of queries share one of keys and values; far keys count less.
  fn grouped(x: [b, t, d]) -> [b, t, d] {
    let queries = rearrange[b t (shared g dh) -> b shared g t dh](x @ q[1])
    let (keys, values) = (x @ transpose(narrow[0]), x @ transpose(narrow[1]))
    let far = for i < t, j < t => f32(i - j) * 0.1
    let scores = einsum[b h g t e, b s h e -> b h g t s](queries, rearrange[b t (h e) -> b t h e](keys, e=dh)) - far
    let seen = einsum[b h g t s, b s h e -> b t h g e](softmax(scores, axis=-1), rearrange[b t (h e) -> b t h e](values, e=dh))
    rearrange[b t h g e -> b t (h g e)](seen)
  }

  // A learned bias: what its gradient sums lies in memory.
  fn across(x: [b, t, d], y: [b, s, d]) -> [b, t, d] {
    let scores = einsum[b h t e, b h s e -> b h t s](fan(x @ q[2]), fan(y @ k[1])) + rearrange[h -> h 1 1](slope)
    join(einsum[b h t s, b h s e -> b h t e](softmax(scores, axis=-1), fan(y @ v[1])))
  }

  export fn forward(x: [b, t, d], y: [b, s, d]) -> [b, t, d] {
    let x = x + causal(x)
    let x = x + grouped(x)
    x + across(x, y)
  }
}

export train Fit(net: Attentive) {
  batch x: f32[b, t, net.d], y: f32[b, s, net.d]
  minimize mean(net(x, y) ^ 2) using SGD(lr=0.1)
}
