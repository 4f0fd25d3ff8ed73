fn f(x: [batch, width], y: [batch, widht]) -> [batch, width] = x
