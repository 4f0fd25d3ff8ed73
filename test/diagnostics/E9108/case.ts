// A GPU that reports a validation error after a submit, as one with a faulty driver would.
import { failingOnGpu } from '../run-module.ts';

const program = 'export model Twice() {\n  export fn forward(x: [n]) -> [n] = 2.0 * x\n}\n';

/** The device, whose error scopes report a fault. */
const faulty = (device: GPUDevice): GPUDevice =>
  new Proxy(device, {
    get(target, name) {
      if (name === 'popErrorScope') return () => target.popErrorScope().then(() => ({ message: 'the buffer is gone' }));
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(target) : value;
    },
  });

export default () =>
  failingOnGpu(program, async (module, device) => {
    const net = await module.load({ device: faulty(device) });
    await net.forward([1]);
  });
