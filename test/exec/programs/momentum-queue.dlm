// exec: b=2
// Momentum contrast: the key encoder follows the query encoder without a gradient, and old keys wait in a queue.
import { Linear } from "std/nn"
import { SGD } from "std/optim"

export model Encoder(inputs: int = 4, d: int = 3) {
  let fc1 = Linear(inputs, 5)
  let fc2 = Linear(5, d)
  export fn forward(x: [b, inputs]) -> [b, d] = l2_normalize(x |> fc1 |> relu |> fc2)
}

export model Queue(size: int = 6, d: int = 3) {
  state keys: f32[size, d] = normal()
  state at: i32[] = zeros()

  /// Similarity with the positive key first, then with the queue; the new keys take the place of the oldest.
  fn contrast(q: [b, d], k: [b, d]) -> [b, size + 1] requires b <= size {
    let positive = rearrange[b -> b 1](reduce[b d -> b](q * k, sum))
    let negative = q @ transpose(keys)
    update keys = put(keys, k, at=at % size, axis=0)
    update at = at + b
    concat([positive, negative], axis=1)
  }
  export fn nearest(x: [b, d]) -> i32[b] = argmax(x @ transpose(keys), axis=-1)
}

export train FitMoCo(query: Encoder, key: Encoder, queue: Queue, lr: f32[] = 0.1) {
  batch view1: f32[b, 4], view2: f32[b, 4]
  let q = query(view1)
  let k = stop_gradient(key(view2))
  minimize cross_entropy(queue.contrast(q, k) / 0.2, full([b], 0))
    of query
    using SGD(lr=lr, momentum=0.9)
  update key = lerp(key, query, 0.1)
}
