fn f(n: [b], x: [b, n]) -> [b] = n
