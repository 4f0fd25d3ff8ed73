// exec: n=4 k=3 b=2
// Products, windows and attention written out as sums over indices.
import { SGD } from "std/optim"

export model Sums(m: int = 5) {
  param w: [3, m] = normal(0.5)

  export fn forward(x: [n, 3]) -> [n, m] = for i < n, j < m => sum(for l < 3 => x[i, l] * w[l, j])

  export fn attend(q: [n, k], keys: [m, k], v: [m, k]) -> [n, k] {
    let score = for i < n, j < m => sum(for e < k => q[i, e] * keys[j, e]) / sqrt(k)
    let top = for i < n => max(for j < m => score[i, j])
    let weight = for i < n, j < m => exp(score[i, j] - top[i])
    for i < n, e < k => sum(for j < m => weight[i, j] * v[j, e]) / sum(for j < m => weight[i, j])
  }

  export fn smooth(x: [n, k]) -> [n, k] =
    for i < n, j < k => sum(for a < 3, b < 3 => x[i + a - 1, j + b - 1] ?? 0.0) / 9.0
}

export train FitSums(net: Sums) {
  batch x: f32[b, 3], y: f32[b, 5]
  minimize mean((net(x) - y) ^ 2) using SGD(lr=0.1)
}
