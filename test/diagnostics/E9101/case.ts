// An image of 783 pixels.
import { failing } from '../run-module.ts';

const program = 'export model Mlp() {\n  export fn predict(x: [b, 784]) -> [b] = sum(x, axis=1)\n}\n';

export default () =>
  failing(program, async (module) => {
    const net = await module.load({ device: 'wasm' });
    await net.predict({ data: new Float32Array(32 * 783), shape: [32, 783] });
  });
