// Tensors handed from call to call: on WASM they are read and written where they lie.
import { expect, test } from 'vitest';
import { compile } from '../../src/index.ts';
import { importModule } from './load-module.ts';

interface Tensor {
  data(): Promise<Float32Array>;
  dispose(): void;
}
interface Net {
  twice(x: unknown): Promise<Tensor>;
  chain(x: unknown): Promise<Tensor>;
  same(x: unknown): Promise<readonly [Tensor, Tensor]>;
  dispose(): void;
}

const source = `
export model Net() {
  export fn twice(x: [n]) -> [n] = 2 * x
  export fn chain(x: [n]) -> [n] = cumsum(cumsum(x + 1))
  export fn same(x: [n]) -> ([n], [n]) = (x, x)
}`;

test('a call leaves its arguments as they are, and its results stay when others come', async () => {
  const { js = '' } = await compile({ read: () => source, resolve: (_, path) => path }, 'net.dlm', {
    targets: ['wasm'],
  });
  const { load } = await importModule<{ load(this: void, options: object): Promise<Net> }>(js);
  const net = await load({ device: 'wasm' });
  const a = await net.twice(Float32Array.of(1, 2, 3));
  const b = await net.twice(a);
  const c = await net.chain(b);
  const [d, e] = await net.same(c);
  const f = await net.chain(Float32Array.of(1, 1, 1));
  a.dispose();
  const g = await net.twice(e);
  const values = await Promise.all([b, c, d, e, f, g].map(async (tensor) => [...(await tensor.data())]));
  const chained = [5, 19, 46];
  expect(values).toEqual([[4, 8, 12], chained, chained, chained, [2, 6, 12], [10, 38, 92]]);
  net.dispose();
});
