fn f(x: f23[b], k: integer) -> [b] = k * x
