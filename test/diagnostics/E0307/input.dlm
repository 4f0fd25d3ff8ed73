fn f(x: [n, d]) -> [d] = x[n]

fn g(x: [n, d], k: int) -> [d] = x[k - 1]
