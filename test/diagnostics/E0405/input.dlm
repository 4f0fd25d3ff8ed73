fn f(a: i32[b], c: i32[b]) -> i32[b] = a / c
