layer Net(d: int) {
  let fc1 = Linear(d, d
  let fc2 = Linear(d d)
  param scale [d] = ones()

  fn forward(x: [b, d]) -> [b, d] {
    let y = if true { fc1(x) }
    return fc2(y)
  }
}
