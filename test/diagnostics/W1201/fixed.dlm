fn f(x: [batch, width], y: [batch, width]) -> [batch, width] = x
