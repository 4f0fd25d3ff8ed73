fn f(x: [n]) = for i < 4, k in [1, 2] => k * i
