import { LSTM, GRU, Bidirectional, MultiheadAttention, Linear } from "std/nn"
import { Adam } from "std/optim"
export model Net() {
  let bi = Bidirectional(LSTM, 3, 4)
  let gru = GRU(8, 8)
  let attn = MultiheadAttention(8, 2)
  let out = Linear(8, 2)
  export fn forward(x: [b, t, 3], ignore: bool[b, t]) -> [b, t, 2] {
    let h = bi(x)
    let h = h + gru(h).out
    out(h + attn(h, h, h, key_padding_mask=ignore).out)
  }
}
export train Fit(net: Net) {
  batch x: f32[b, t, 3], ignore: bool[b, t], y: i32[b, t]
  minimize cross_entropy(net(x, ignore), y) using Adam()
}
