// The device goes away between two calls.
import { failingOnGpu } from '../run-module.ts';

const program = 'export model Twice() {\n  export fn forward(x: [n]) -> [n] = 2.0 * x\n}\n';

export default async () => {
  const found = await failingOnGpu(program, async (module, device) => {
    const net = await module.load({ device });
    device.destroy();
    await device.lost;
    await net.forward([1]);
  });
  // Every driver words the reason in its own way.
  return 'missing' in found ? found : found.map((each) => ({ ...each, message: each.message.replace(/lost: .*/, 'lost: …') }));
};
