fn f(x: [b], k: i32[]) -> [] = sum(x, axis=k)

fn g(x: [t, d]) -> [d] = fold s = zeros([d]) over row in x => s + row
