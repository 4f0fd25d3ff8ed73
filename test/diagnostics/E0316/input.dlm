fn halves(x: [n]) -> [n] requires n % 2 == 0 = flip(x, axis=0)

fn f(x: [7]) -> [7] = halves(x)
