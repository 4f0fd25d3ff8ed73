// Products with weights, and penalties on them. No import is needed.

/// x · Wᵀ + b with W: [out, in], as PyTorch stores it.
export fn linear(x: [...s, in_features], weight: [out_features, in_features], bias: [out_features]? = none)
  -> [...s, out_features] {
  let y = x @ transpose(weight)
  if bias != none { y + bias } else { y }
}

/// Sum of squares: the penalty of weight decay.
@precision(compute=f32)
export fn l2(x: [...]) -> [] = sum(x ^ 2)

/// Sum of absolute values.
@precision(compute=f32)
export fn l1(x: [...]) -> [] = sum(abs(x))
