fn f(x: [2 * n]) -> [n] = x[:n]

fn g(x: [b, n]) -> [b, k] = x
