fn f(x: [b]) -> [b] = fold s = x over i in 0..100 => s + i * x
