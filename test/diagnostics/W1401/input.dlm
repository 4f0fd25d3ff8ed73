fn attend(scores: f16[t, s], keep: bool[t, s]) -> f32[t, s] = softmax(f32(where(keep, scores, -1e9)))
fn attend_well(scores: f16[t, s], keep: bool[t, s]) -> f32[t, s] = softmax(f32(where(keep, scores, -inf)))
