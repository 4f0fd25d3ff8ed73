// Metrics over a whole data set: sums over batches of any size, computed from once at the end.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { verifyGraph } from '../../src/ir/graph-verify.ts';
import { temporaryFolder } from '../cli/dlm.ts';
import { program } from '../elaborate/files.ts';
import { importModule } from '../runtime/load-module.ts';
import { compileFile } from '../support/exec.ts';

const text = `import { Linear } from "std/nn"
import { SGD } from "std/optim"
export model Net() {
  let fc = Linear(2, 3)
  export fn forward(x: [b, 2]) -> [b, 3] = fc(x)
}
export train Fit(net: Net, scale: f32[] = 2.0) {
  batch x: f32[b, 2], y: i32[b]
  let logits = net(x)
  let hit    = f32(argmax(logits, axis=-1) == y)
  minimize cross_entropy(logits, y) using SGD(lr=0.1)
  let found = total(one_hot(y, 3).t @ hit)
  metric mean_hit = mean(hit)
  metric recall   = mean(found / max(total(one_hot(y, 3).t @ ones([b])), 1))
  metric share    = found * scale
}
`.replaceAll('one_hot(y, 3).t', 'transpose(one_hot(y, 3))');

interface Measures {
  metrics: Record<string, number | number[]>;
  loss: number;
}
interface Session {
  step(batch: object): Promise<Measures>;
  evaluate(batches: object[]): Promise<Measures>;
  options: { scale: number };
}
type Module = Record<string, (...args: unknown[]) => Promise<unknown>>;

const x = (n: number): number[][] => Array.from({ length: n }, (_, i) => [Math.sin(i + 1), Math.cos(3 * i)]);
const y = (n: number): number[] => Array.from({ length: n }, (_, i) => (i * 5) % 3);

test('a total is the sum over all batches, and what uses it is computed once', async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'totals.dlm'), text);
  const { js, graph } = await compileFile(join(folder, 'totals.dlm'));
  expect(verifyGraph(program(text).module)).toEqual([]);
  expect(graph.functions.map(({ name }) => name)).toContain('Fit.finish');
  const module = await importModule<Module>(js);
  const net = (await module['loadNet']?.({ device: 'wasm', seed: 4 })) as Record<
    string,
    (x: unknown) => Promise<{ data(): Promise<ArrayLike<number>> }>
  >;
  const fit = (await module['createFit']?.(net, { seed: 1 })) as Session;

  const logits = Array.from((await (await net['forward']?.(x(10)))?.data()) ?? []);
  const hits = y(10).map((label, i) => {
    const row = logits.slice(3 * i, 3 * i + 3);
    return row.indexOf(Math.max(...row)) === label ? 1 : 0;
  });
  const found = [0, 1, 2].map((c) => hits.reduce<number>((sum, hit, i) => sum + (y(10)[i] === c ? hit : 0), 0));
  const counts = [0, 1, 2].map((c) => y(10).filter((label) => label === c).length);
  expect(found.reduce((a, b) => a + b, 0)).toBeGreaterThan(0);

  const batches = [
    { x: x(10).slice(0, 7), y: y(10).slice(0, 7) },
    { x: x(10).slice(7), y: y(10).slice(7) },
  ];
  const { metrics } = await fit.evaluate(batches);
  expect(Object.keys(metrics)).toEqual(['mean_hit', 'recall', 'share']);
  expect(metrics['mean_hit']).toBeCloseTo(hits.reduce<number>((a, b) => a + b, 0) / 10, 6);
  expect(metrics['recall']).toBeCloseTo(found.reduce((sum, n, c) => sum + n / (counts[c] ?? 1), 0) / 3, 6);
  expect(metrics['share']).toEqual(found.map((n) => 2 * n));
  fit.options.scale = 3;
  expect((await fit.evaluate(batches)).metrics['share']).toEqual(found.map((n) => 3 * n));
  const inStep = (await fit.step({ x: x(10), y: y(10) })).metrics;
  expect(inStep['recall']).toBeCloseTo(Number(metrics['recall']), 6);
});

test.each([
  ['metric bad = total(total(mean(hit)))', 'it is a total of another total'],
  ['metric bad = total(mean(hit)) / mean(hit)', '`bad` mixes totals with `x` of one batch'],
  ['minimize total(mean(logits)) using SGD(lr=0.1)', 'what is minimized is computed from it'],
])('%s', (member, reason) => {
  const changed = text
    .replace(/ {2}minimize.*\n/, member.startsWith('minimize') ? '' : '$&')
    .replace(/\n}\n$/, `\n  ${member}\n}\n`);
  const { diagnostics } = program(changed);
  expect(diagnostics.map(({ code, message }) => `${code} ${message}`)).toEqual([
    `E0709 \`total\` cannot be used so: ${reason}`,
  ]);
});
