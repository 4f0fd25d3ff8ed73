export model Net(d: int = 4) {
  param w: [d] = ones()
  export fn forward(x: [b, d], scale: real) -> [b, d] = scale * x * w
}
