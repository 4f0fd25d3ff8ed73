export model Net(d: int = 4) {
  param w: [d] = ones()
  export fn forward(x: [b, d], scale: real) -> [b, d] = scale * x * w
  export fn weights(x: [b, d]) -> [b, d] = x * w
  export fn masked(x: [b, d], seed: [b, d]? = none) -> [b, d] = x + (seed ?? x)
}
