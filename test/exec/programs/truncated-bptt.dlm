// exec: b=2 t=3 y<4
// Truncated backpropagation through time: the state of a recurrent layer waits in a cache from one step of training
// to the next, where it is a constant.
import { Linear, GRUCell } from "std/nn"
import { Adam } from "std/optim"

export model Reader(inputs: int = 3, hidden: int = 4, classes: int = 4) {
  let cell = GRUCell(inputs, hidden)
  let out  = Linear(hidden, classes)
  cache memory: [b, hidden]

  export fn read(x: [b, t, inputs]) -> [b, t, classes] {
    let (seen, last) = scan h = memory over xt in x along 1 => {
      let h = cell(xt, h)
      (h, h)
    }
    update memory = last
    out(seen)
  }
}

export train FitReader(net: Reader) {
  batch x: f32[b, t, net.inputs], y: i32[b, t]
  minimize cross_entropy(net.read(x), y) using Adam(lr=1e-2)
}
