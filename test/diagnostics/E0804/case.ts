// The module was compiled for WebAssembly alone.
import { failing } from '../run-module.ts';

const program = 'export model Twice() {\n  export fn forward(x: [n]) -> [n] = 2.0 * x\n}\n';

export default () => failing(program, (module) => module.load({ device: 'webgpu' }));
