fn f(x: [b, n]) -> [b] = sum(x, axis=2)
