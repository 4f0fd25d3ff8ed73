fn f(x: f32[b], k: integer) -> [b] = k * x
