// A model that is called after it was given back.
import { failing } from '../run-module.ts';

const program = 'export model Twice() {\n  export fn forward(x: [n]) -> [n] = 2.0 * x\n}\n';

export default () =>
  failing(program, async (module) => {
    const net = await module.load({ device: 'wasm' });
    await net.dispose();
    await net.forward([1]);
  });
