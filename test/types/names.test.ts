// Names of programs that mean something in JavaScript or in every module: what is allowed type-checks, and the list of
// what is not is complete.
import { expect, test } from 'vitest';
import { profileTypes, supportTypes } from '../../src/codegen/host/support-types.ts';
import { typesOfModules } from '../../src/elaborate/module-names.ts';
import { compile } from '../../src/index.ts';
import { fileHost } from '../support/file-host.ts';
import { typeErrors } from './type-errors.ts';

const text = `
import { SGD } from "std/optim"
export model Odd() {
  param w: [2] = ones()
  cache past: [b, 2]
  export fn forward(options: [b, 2], class: ([b, 2], i32[b]), new: [b, 2]? = none) -> [b, 2] = (options + class[0]) * w
  export fn delete(program: (a: [n, new], b: [n])) -> [n] = program.a[:, 0] + program.b
  export fn remember(x: [b, 2]) -> [b, 2] {
    update past = x
    past
  }
}
export train Fit(options: Odd, program: Odd, lr: f32[] = 0.1) {
  batch x: f32[b, 2], y: i32[b]
  minimize mean(options(x, (x, y)) + program(x, (x, y))) using SGD(lr=lr)
}
`;

const declarations = async (): Promise<string> => {
  const read = (path: string): string | undefined => (path === 'line.dlm' ? text : fileHost.read(path));
  const { dts, diagnostics } = await compile({ ...fileHost, read }, 'line.dlm');
  expect(diagnostics.map(({ message }) => message)).toEqual([]);
  return dts ?? '';
};

test('arguments named like options, words of JavaScript or parts of tuples', async () => {
  const user = `import { load, createFit } from './line.dlm.js';
const net = await load();
const fit = await createFit(net, net, { lr: 1 });
await net.forward([[1, 2]], [[1, 2]], [3], { new: [[1, 2]] });
await net.delete([[1, 2]], [1]);
await fit.step({ x: [[1, 2]], y: [0] });
export {};
`;
  expect(await typeErrors(await declarations(), user)).toEqual([]);
});

test('every type that declarations name is refused as the name of a model', async () => {
  const code = `${await declarations()}${supportTypes}${profileTypes}`.replaceAll(
    /\/\*[^]*?\*\/|\/\/.*|'[^'\n]*'/g,
    '',
  );
  const named = new Set(code.match(/\b[A-Z]\w+\b/g));
  const own = /^(?:Odd|Fit(?!Options))|^loadOdd$|^createFit$|^(?:Rest|Id)$/;
  expect([...named].filter((name) => !own.test(name) && !typesOfModules.has(name))).toEqual([]);
});
