// Every example, a few steps of it: losses fall on both backends, pictures come out, the host code type-checks against
// the declarations that the compiler emits, and docs/systems.md knows every goal.
import { readFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Example, Outcome } from '../../examples/example.ts';
import { costOf, exampleFolders, loadExample } from '../../scripts/example-modules.ts';
import { runExample } from '../../scripts/run-example.ts';
import { requestTestDevice, type TestDevice } from '../support/webgpu.ts';
import { exampleTypeErrors } from './type-check.ts';

const folders = exampleFolders();
const examples = new Map<string, Promise<Example>>();
// All of it: Dawn crashes when its instance is collected while a device is in use.
let gpu: Extract<TestDevice, { device: GPUDevice }> | undefined;

beforeAll(async () => {
  const found = await requestTestDevice();
  if ('missing' in found) throw new Error(`WebGPU is missing: ${found.missing}`);
  gpu = found;
});
afterAll(() => gpu?.device.destroy());

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** How the last third of the losses compares with the first: below 1 if they fall. */
function trend(losses: readonly number[]): number {
  const third = Math.max(1, Math.floor(losses.length / 3));
  return mean(losses.slice(-third)) / mean(losses.slice(0, third));
}

/** Loaded when first asked for: compiling all of them takes longer than a hook may. */
function exampleOf(folder: string): Promise<Example> {
  const example = examples.get(folder) ?? loadExample(folder);
  examples.set(folder, example);
  return example;
}

function check(example: Example, { scores, losses, pictures }: Outcome): void {
  expect(Object.keys(losses).length).toBeGreaterThan(0);
  for (const [name, values] of Object.entries(losses)) {
    expect(values.length, name).toBeGreaterThan(2);
    expect(trend(values), `${name}: ${values.join(' ')}`).toBeLessThan(1);
  }
  expect(Object.keys(scores)).toEqual(expect.arrayContaining(Object.keys(example.goals)));
  expect(Object.values(scores).every(Number.isFinite)).toBe(true);
  // Photos are base64, which spells NaN now and then.
  for (const text of Object.values(pictures))
    expect(text.replace(/base64,[^"]*/g, '')).not.toMatch(/NaN|Infinity|undefined/);
}

describe.each(folders)('examples/%s', (folder) => {
  test('learns on wasm', { timeout: 120_000 }, async () => {
    const example = await exampleOf(folder);
    const outcome = await runExample(example, { device: 'wasm', seed: 1, brief: true });
    check(example, outcome);
    for (const name of Object.keys(outcome.pictures))
      expect(existsSync(join('examples', folder, name)), name).toBe(true);
    const readme = readFileSync(join('examples', folder, 'README.md'), 'utf8');
    for (const name of Object.keys(outcome.pictures)) expect(readme).toContain(`(${name})`);
  });

  test('learns on webgpu', { timeout: 180_000 }, async () => {
    if (!gpu) throw new Error('no device');
    const example = await exampleOf(folder);
    check(example, await runExample(example, { device: gpu.device, seed: 1, brief: true }));
  });

  test('is in docs/systems.md with its goals', { timeout: 60_000 }, async () => {
    const { row, goals, title } = await exampleOf(folder);
    const page = readFileSync('docs/systems.md', 'utf8');
    expect(page).toContain(`| ${row} | [${title}](../examples/${folder}/README.md)`);
    for (const [name, goal] of Object.entries(goals))
      expect(page).toMatch(
        new RegExp(`\\| ${name.replace(/[()+.*?]/g, '\\$&')} \\| \\S+ \\| [≥≤] ${Object.values(goal).join()} \\|`),
      );
  });
});

test('a loss that does not fall is seen', () => {
  expect(trend([1, 1, 1])).toBe(1);
  expect(trend([3, 2, 1, 3, 2, 4])).toBeGreaterThan(1);
  expect(trend([3, 2, 1])).toBeLessThan(1);
});

test('what a program costs', async () => {
  const { parameters, peak, size } = await costOf('linear', { file: 'linear.dlm', dims: { b: 200 } });
  expect(parameters).toBe(5);
  // Inputs and outputs of a step on 200 examples, and little more.
  expect(peak).toBeGreaterThan(4 * 4 * 200);
  expect(peak).toBeLessThan(2 * 4 * 4 * 200);
  expect(size).toBeLessThan(30_000);
});

test('host code type-checks against what the compiler declares', { timeout: 120_000 }, async () => {
  expect(await exampleTypeErrors()).toEqual([]);
});
