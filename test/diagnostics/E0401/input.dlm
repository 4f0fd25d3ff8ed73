fn hits(logits: [b, k], y: i32[b]) -> [b] = f32(logits == y)

fn shift(x: [b], y: i32[b]) -> [b] = x + y
