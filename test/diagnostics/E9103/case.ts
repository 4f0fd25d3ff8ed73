// Nine texts, where the entry asks for an even number.
import { failing } from '../run-module.ts';

const program = `
export model Pairs() {
  export fn forward(x: [b, 2]) -> [b / 2, 2, 2] requires b % 2 == 0 = rearrange[(n k) d -> n k d](x, k=2)
}
`;

export default () =>
  failing(program, async (module) => {
    const net = await module.load({ device: 'wasm' });
    await net.forward({ data: new Float32Array(18), shape: [9, 2] });
  });
