fn loss(x: [b, k], y: i32[b]) -> [] = cross_entropy(softmax(x), y)
