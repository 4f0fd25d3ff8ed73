// exec: b=2 t=4
// GRU, stacked (the cell is PyTorch's: reset-after, gates r,z,n)
import { Dropout, GRUCell, Linear } from "std/nn"
import { SGD } from "std/optim"
export layer GRU(input_size: int, hidden_size: int, num_layers: int = 1, dropout: real = 0.0) {
  let cells = for i in 0..num_layers => GRUCell(if i == 0 { input_size } else { hidden_size }, hidden_size)
  let drop  = Dropout(dropout)

  fn forward(x: [b, t, input_size], h0: [num_layers, b, hidden_size]? = none)
    -> (out: [b, t, hidden_size], h: [num_layers, b, hidden_size]) {
    let h0 = h0 ?? zeros([num_layers, b, hidden_size])
    let (out, last) = fold (seq, last) = (x, []) over i in 0..num_layers => {
      let seq = if i == 0 { seq } else { drop(seq) }
      let (out, h) = scan h = h0[i] over xt in seq along 1 => {
        let h = cells[i](xt, h)
        (h, h)
      }
      (out, append(last, h))
    }
    (out=out, h=stack(last, axis=0))
  }
}

export model Forecaster(inputs: int = 3, hidden: int = 4) {
  let gru = GRU(inputs, hidden, num_layers=2, dropout=0.5)
  let out = Linear(hidden, 1)
  export fn forward(x: [b, t, inputs]) -> [b, 1] = gru(x).h[1] |> out
}

export train Fit(net: Forecaster) {
  batch x: f32[b, t, net.inputs], y: f32[b, 1]
  minimize mse_loss(net(x), y) using SGD(lr=0.1)
}
