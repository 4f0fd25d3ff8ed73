fn f(x: [b], flag: bool[]) = if flag { x } else { sum(x) }
