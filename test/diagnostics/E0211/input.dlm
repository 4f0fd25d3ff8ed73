fn scale(x: [b], by: real) -> [b] = by * x
fn f(x: [b]) -> [b] = scale(by=2.0, x)
