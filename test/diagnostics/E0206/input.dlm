fn twice(x: [b]) -> [b] = 2 * x
fn f(x: [b]) -> [b] = twice(x, x)
