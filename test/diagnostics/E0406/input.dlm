fn f(x: [b]) -> [b] = if x > 0 { x } else { -x }
