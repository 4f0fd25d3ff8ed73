fn scale(x: [b], by: real) -> [b] = by * x
fn f(x: [b]) -> [b] = scale(x, 2.0, by=3.0)
