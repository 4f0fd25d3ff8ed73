// exec: b=2 t=4 cap=8 ids<9 pos<3
// Weights of 8 and of 4 bits: rows that fill no block, whole rows as one group, one matrix that is read twice, a
// convolution, a head that is trained on a frozen base, and a small GPT-2 with its caches.
import { Gpt2 } from "std/models"
import { Conv2d, Embedding, Linear } from "std/nn"
import { SGD } from "std/optim"

@quantize(bits=4)
export layer Mixer(d: int) {
  let up = Linear(d, 40)
  @quantize(bits=8, group=64) let down = Linear(40, d)
  fn forward(x: [b, t, d]) -> [b, t, d] = x + down(relu(up(x)))
}

export model Lm(vocab: int = 9, d: int = 33) {
  @quantize let wte = Embedding(vocab, d)
  let mixer = Mixer(d)
  let head = Linear(d, vocab, bias=false) with { weight=wte.weight }
  @quantize(bits=4, group=96) param out: [d, 70] = normal(std=0.5)
  export fn forward(ids: i32[b, t]) -> [b, t, vocab] = ids |> wte |> mixer |> head
  export fn wide(ids: i32[b, t]) -> [b, t, 70] = mixer(wte(ids)) @ out
}

export model Image() {
  @freeze @quantize let conv = Conv2d(3, 5, kernel_size=3)
  let head = Linear(5, 2)
  export fn forward(x: [b, 3, 8, 6]) -> [b, 2] = head(mean(conv(x), axis=[2, 3]))
}

export train Fit(net: Image) {
  batch x: f32[b, 3, 8, 6], y: f32[b, 2]
  minimize mean((net(x) - y) ^ 2) using SGD(lr=0.1)
}

@quantize(bits=4)
export model SmallGpt() {
  @name("{path}") let net = Gpt2(vocab=9, d=32, heads=2, depth=1, max_len=8)
  export fn forward(ids: i32[b, t]) = net(ids)
  export fn decode(ids: i32[b, t], pos: i32[]) = net.decode(ids, pos)
}
