// A session for one text is given two.
import { failing } from '../run-module.ts';

const program = `
export model Echo() {
  cache past: [b, cap, 2]
  export fn extend(x: [b, t, 2], pos: i32[]) -> [b, t, 2] {
    update past = put(past, x, at=pos, axis=1)
    x
  }
}
`;

export default () =>
  failing(program, async (module) => {
    const net = await module.load({ device: 'wasm' });
    const session = await net.session({ b: 1, cap: 8 });
    await session.extend({ data: new Float32Array(8), shape: [2, 2, 2] }, 0);
  });
