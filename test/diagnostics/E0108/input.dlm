fn param(x: [b]) -> [b] = x

layer Net(layer: int) {}
