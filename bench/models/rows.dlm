import { LayerNorm } from "std/nn"

/// Elementwise arithmetic and two transcendental functions.
export model Chain(n: int = 2048) {
  export fn forward(x: [n, n]) -> [n, n] = tanh(1.1 * x + 0.2) * sigmoid(0.7 * x) + 0.3
  export fn hold(x: [n, n]) -> [n, n] = x
}

/// Softmax of rows.
export model Softmax(rows: int = 1024, n: int = 4096) {
  export fn forward(x: [rows, n]) -> [rows, n] = softmax(x)
  export fn hold(x: [rows, n]) -> [rows, n] = x
}

/// Layer normalisation of rows.
export model Norm(rows: int = 1024, n: int = 1024) {
  let norm = LayerNorm(n)
  export fn forward(x: [rows, n]) -> [rows, n] = norm(x)
  export fn hold(x: [rows, n]) -> [rows, n] = x
}
