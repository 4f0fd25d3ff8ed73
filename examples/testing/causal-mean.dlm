/// Mean of the last `window` steps of each row; steps before the first count as zero.
export model CausalMean(window: int = 3) {
  export fn forward(x: [b, t]) -> [b, t] {
    let lagged = for k in 0..window => for i < b, j < t => x[i, j - k] ?? 0.0
    let total = fold sum = zeros([b, t]) over step in lagged => sum + step
    total / window
  }
}

test "a constant stays what it is once the window is full" forall b in 1..3, t in 1..9, window in 1..5 {
  let mean = CausalMean(window)
  let y = mean(ones([b, t]))
  let full = for i < b, j < t => j >= window - 1
  assert all(!full || abs(y - 1) < 1e-6), "the mean of ones is 1"
}

test "steps that come later change nothing" forall b in 1..3, t in 2..9, window in 1..5 {
  let mean = CausalMean(window)
  let x = normal([b, t])
  let past = concat([x[:, :-1], zeros([b, 1])], axis=1)
  assert mean(x)[:, :-1] == mean(past)[:, :-1], "an output depends on a later input"
}
