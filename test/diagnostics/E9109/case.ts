// An option that the train does not have.
import { failing } from '../run-module.ts';

const program = `
import { Linear } from "std/nn"
import { SGD } from "std/optim"

export model Line() {
  let fc = Linear(1, 1)
  export fn forward(x: [b, 1]) -> [b, 1] = fc(x)
}
export train Fit(net: Line, lr: f32[] = 0.1) {
  batch x: f32[b, 1], y: f32[b, 1]
  minimize mse_loss(net(x), y) using SGD(lr=lr)
}
`;

export default () =>
  failing(program, async (module) => {
    const net = await module.load({ device: 'wasm' });
    await module.createFit(net, { rate: 0.5 });
  });
