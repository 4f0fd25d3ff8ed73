// exec: b=2 t=3
// States carried from batch to batch by the recurrent layers of the library.
import { StatefulLSTM, StatefulGRU, Linear } from "std/nn"
import { SGD } from "std/optim"

export model Forecast(d: int = 3) {
  let lstm = StatefulLSTM(d, 4, num_layers=2)
  let gru  = StatefulGRU(4, 4)
  let out  = Linear(4, 1)
  export fn forward(x: [b, t, d]) -> [b, t, 1] = x |> lstm |> gru |> out
}

export train Fit(net: Forecast) {
  batch x: f32[b, t, 3], y: f32[b, t, 1]
  minimize mse_loss(net(x), y) using SGD(lr=0.1)
}
