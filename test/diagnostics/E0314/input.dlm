fn f(x: [n], k: int) = x[k:2]

fn g(n: int) = for i < n - 5 => i
