// exec: k=3 b=2 n=4 l=2 steps=3
import { Linear } from "std/nn"
import { SGD } from "std/optim"

/// `for` over indices whose bodies are tensors, and reads of rows with a default.
export model Slices(n: int = 4, m: int = 3) {
  param mix: [n, n] = normal(std=0.5)
  let fc = Linear(n, m)

  /// Layers and products of each slice.
  export fn forward(x: [k, b, n]) -> [k, b, m] = for i < k => fc(tanh(x[i] @ mix))
  /// Two indices, of which the inner axis is also reduced.
  export fn pairs(x: [k, b, n], y: [l, n]) -> [k, l, b] = for i < k, j < l => x[i] @ y[j]
  /// The row before, and zeros before the first.
  export fn lagged(x: [k, n]) -> [k, n] = for i < k => x[i - 1] ?? zeros([n])
  /// The same by a number of the host, which may lie anywhere.
  export fn pick(x: [k, n], at: i32[]) -> ([n], [n], [n]) =
    (x[at] ?? -1.0, x[at % k], x[min(max(at, 0), k - 1)])
  /// A tuple of each step: rows and numbers.
  export fn both(x: [k, n]) -> (rows: [k, n], sums: [k]) {
    let (rows, sums) = for i < k => (x[i] * f32(i + 1), sum(x[i]))
    (rows=rows, sums=sums)
  }
  export fn empty(x: [k, n]) -> [0, n] = for i < 0 => x[i]
}

export train Fit(net: Slices) {
  batch x: f32[k, b, 4], y: f32[k, b, 3]
  let lag = for i < k => x[i - 1] ?? 0.0
  minimize mean((net(x) + net(lag) - y) ^ 2) using SGD(lr=0.1)
}
