// The module has nothing that draws initial weights.
import { failing } from '../run-module.ts';

const program = 'export model Twice() {\n  param w: [] = ones()\n  export fn forward(x: [n]) -> [n] = w * x\n}\n';

export default () => failing(program, (module) => module.load({ device: 'wasm' }), { init: false });
