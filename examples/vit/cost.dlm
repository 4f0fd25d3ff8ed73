// Attention over t positions, to compare what they cost: of everything to everything, and with mixed keys and values.
import { LinformerAttention, MultiheadAttention } from "std/nn"

export model Full(d: int = 64, heads: int = 4) {
  let attention = MultiheadAttention(d, heads)
  export fn forward(x: [b, t, d]) -> [b, t, d] = attention(x, x, x).out
}

export model Linformer(d: int = 64, heads: int = 4, length: int = 4096, k: int = 32) {
  let attention = LinformerAttention(d, heads, length, k)
  export fn forward(x: [b, t, d]) -> [b, t, d] requires t <= length = attention(x)
}
