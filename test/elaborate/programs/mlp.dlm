import { Linear, Dropout } from "std/nn"
import { AdamW, cosine, global_norm } from "std/optim"

/// Two-layer classifier for flattened images.
export model Mlp(inputs: int = 784, hidden: int = 256, classes: int = 10) {
  let fc1  = Linear(inputs, hidden)
  let drop = Dropout(0.2)
  let fc2  = Linear(hidden, classes)

  export fn forward(x: [b, inputs]) -> [b, classes] = x |> fc1 |> relu |> drop |> fc2
  export fn predict(x: [b, inputs]) -> i32[b] = argmax(forward(x), axis=-1)
}

export train FitMlp(net: Mlp, lr: f32[] = 1e-3, total: i32[] = 2000) {
  batch x: f32[b, net.inputs], y: i32[b]
  let logits = net(x)
  minimize cross_entropy(logits, y) + 1e-4 * l2(net.fc1.weight)
    using AdamW(lr=cosine(lr, total, warmup=100)) with { clip=global_norm(1.0) }
  metric accuracy = mean(f32(argmax(logits, axis=-1) == y))
}
