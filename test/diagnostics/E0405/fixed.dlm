fn f(a: i32[b], c: i32[b]) -> i32[b] = floor_div(a, c)
