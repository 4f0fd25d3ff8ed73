/// A product of two square matrices.
export model Matmul(n: int = 512) {
  export fn forward(a: [n, n], b: [n, n]) -> [n, n] = a @ b
  export fn hold(x: [n, n]) -> [n, n] = x
}
