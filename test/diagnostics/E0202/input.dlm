fn f(x: [b, n]) -> [b, n] {
  let hidden = relu(x)
  hiden + undefined_thing
}
