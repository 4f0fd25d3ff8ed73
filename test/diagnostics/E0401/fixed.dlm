fn hits(logits: [b, k], y: i32[b]) -> [b] = f32(argmax(logits, axis=-1) == y)

fn shift(x: [b], y: i32[b]) -> [b] = x + f32(y)
