fn f(x: [b, n]) -> [b, n] {
  let hidden = relu(x)
  hidden + undefined_thing
}
