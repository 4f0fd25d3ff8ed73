fn f(x: [2 * n]) -> [n] = x[:n]

fn g(x: [b]) -> [b, k] = x
