// What commands print and write: line diffs, bars, tables, npy files; and how options are read.
import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { Flags } from '../../src/cli/flags.ts';
import { diffLines } from '../../src/cli/line-diff.ts';
import { npyBytes } from '../../src/cli/npy-file.ts';
import { barText, durationText, measuresText, Progress } from '../../src/cli/progress.ts';
import { tableLines } from '../../src/cli/table.ts';
import { plainPalette } from '../../src/support/render-terminal.ts';
import { parseNpy } from '../../src/io/npy.ts';

describe('line diff', () => {
  const lines = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 20 });

  property.prop([lines, lines])('its lines rebuild both sides', (a, b) => {
    // What is cut is cut from both sides alike.
    const kept = diffLines([...a, 'end'], [...b, 'end']).filter((line) => line !== '@@');
    const side = (mark: string): number => kept.filter((line) => line.startsWith(mark) || line.startsWith(' ')).length;
    expect(side('-') - side('+')).toBe(kept.length === 0 ? 0 : a.length - b.length);
    expect(kept.some((line) => /^[-+]/.test(line))).toBe(a.join() !== b.join());
  });

  test('shows the change in its context', () => {
    const a = ['1', '2', '3', '4', '5', '6', '7', '8', '9'];
    expect(diffLines(a, a.with(4, 'x'))).toEqual(['@@', ' 2', ' 3', ' 4', '-5', '+x', ' 6', ' 7', ' 8']);
    expect(diffLines(a, a)).toEqual([]);
    expect(diffLines([], ['a'])).toEqual(['+a']);
  });

  property.prop([lines, lines])('is as short as the longest common subsequence allows', (a, b) => {
    const edits = diffLines(a, b).filter((line) => /^[-+]/.test(line)).length;
    expect(edits).toBe(a.length + b.length - 2 * longestCommon(a, b));
  });
});

function longestCommon(a: readonly string[], b: readonly string[]): number {
  let row = Array.from({ length: b.length + 1 }, () => 0);
  for (const item of a) {
    const next = [0];
    b.forEach((other, at) =>
      next.push(item === other ? (row[at] ?? 0) + 1 : Math.max(row[at + 1] ?? 0, next[at] ?? 0)),
    );
    row = next;
  }
  return row.at(-1) ?? 0;
}

test('a bar fills in eighths and keeps its width', () => {
  expect(barText(0, 4)).toBe('░░░░');
  expect(barText(0.5, 4)).toBe('██░░');
  expect(barText(0.5 + 1 / 32, 4)).toBe('██▏░');
  expect(barText(1, 4)).toBe('████');
  expect(barText(7, 4)).toBe('████');
});

const nothing = (): void => {};

test('the bar of a terminal rewrites one line with rate, time left, loss and metrics', () => {
  const drawn: string[] = [];
  const console = {
    json: false,
    interactive: true,
    width: 100,
    palette: plainPalette,
    out: nothing,
    event: nothing,
    note: nothing,
  };
  const progress = new Progress({ ...console, status: (text: string) => void drawn.push(text) }, 0);
  progress.step({ step: 5, steps: 20, epoch: 1, epochs: 2 }, { loss: 0.5, losses: {}, metrics: { accuracy: 0.75 } });
  // Too soon to draw again.
  progress.step({ step: 6, steps: 20, epoch: 1, epochs: 2 }, { loss: 0.4, losses: {}, metrics: { accuracy: 0.8 } });
  progress.clear();
  expect(drawn).toHaveLength(2);
  expect(drawn[0]).toMatch(
    /^epoch 1\/2 █+[▏▎▍▌▋▊▉]?░+ 5\/20 {2}\d+ steps\/s {2}\S+ s left {2}loss 0\.5000 {2}accuracy 0\.7500$/,
  );
  expect(drawn[1]).toBe('');
});

test('durations and measures', () => {
  expect([0.26, 12.4, 61, 3700].map(durationText)).toEqual(['0.26 s', '12 s', '1 min 01 s', '1 h 1 min']);
  expect(measuresText({ loss: 0.5, losses: {}, metrics: { accuracy: 0.96875, tiny: 1.5e-7 } })).toBe(
    'loss 0.5000  accuracy 0.9688  tiny 1.500e-7',
  );
});

test('tables align', () => {
  expect(
    tableLines(
      [
        ['a', '1'],
        ['bcd', '10'],
      ],
      [1],
    ),
  ).toEqual(['a     1', 'bcd  10']);
});

describe('npy', () => {
  property.prop([
    fc.constantFrom('f32' as const, 'i32' as const, 'u32' as const, 'bool' as const),
    fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }),
  ])('what is written reads back', (dtype, shape) => {
    const size = shape.reduce((a, b) => a * b, 1);
    const data = Array.from({ length: size }, (_, at) => (dtype === 'bool' ? at % 2 : at));
    const bytes = npyBytes({ name: 'r', dtype, shape, data });
    const read = parseNpy(bytes, 'r.npy');
    expect({ ...read, data: Array.from(read.data) }).toEqual({ dtype, shape, data });
    expect((10 + new DataView(bytes.buffer, bytes.byteOffset).getUint16(8, true)) % 64).toBe(0);
  });
});

describe('flags', () => {
  const flags = new Flags({
    seed: ['7'],
    epochs: ['2.5'],
    set: ['Mlp.hidden=8', 'net=A,B'],
    fix: true,
    map: ['x'],
    device: ['tpu'],
    option: ['lr=1', 'lr=2'],
  });

  test('read what was given', () => {
    expect(flags.count('seed', 0, 0)).toBe(7);
    expect(flags.count('batch', 32)).toBe(32);
    expect(flags.on('fix')).toBe(true);
    expect(flags.text('option')).toBe('lr=2');
    expect(flags.pairs('set')).toEqual({ 'Mlp.hidden': '8', net: 'A,B' });
  });

  test('refuse what makes no sense', () => {
    expect(() => flags.count('epochs', 1)).toThrow('--epochs is 2.5, expected a whole number');
    expect(() => flags.pairs('map')).toThrow('--map x: expected name=value');
    expect(() => flags.choice('device', ['auto', 'wasm'])).toThrow('--device is tpu, expected auto, wasm');
    expect(() => new Flags({ data: true }).text('data')).toThrow('--data needs a value');
  });
});
