fn f(x: [b], k: i32[]) -> [] = sum(x, axis=k)

fn g(x: [b, d]) = for i in 0..d => x[:, i]
