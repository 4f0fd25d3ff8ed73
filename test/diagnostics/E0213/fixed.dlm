fn f(x: f32[b], k: int) -> [b] = k * x
