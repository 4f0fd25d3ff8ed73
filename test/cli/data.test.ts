// Data files to examples: columns, ranges, classes, shapes, and what is said about each kind of bad data.
import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { batches, split } from '../../src/cli/data/dataset.ts';
import { loadDataset, type LoadRequest } from '../../src/cli/data/load.ts';
import { columnsOf, readMapping } from '../../src/cli/data/mapping.ts';
import type { DataSource } from '../../src/cli/data/source.ts';
import { shuffled } from '../../src/cli/data/shuffle.ts';
import { Failure, UsageError } from '../../src/cli/failure.ts';
import { constant, variable } from '../../src/ir/dim.ts';
import type { TensorType } from '../../src/ir/graph.ts';
import { parseCsv } from '../../src/io/csv.ts';

const x: TensorType = { dtype: 'f32', shape: [variable('b'), constant(2)] };
const y: TensorType = { dtype: 'i32', shape: [variable('b')] };

const table = (text: string): DataSource => ({ kind: 'table', file: 'd.csv', ...parseCsv(text, 'd.csv') });

const request = (maps: readonly string[], more: Partial<LoadRequest> = {}): LoadRequest => ({
  unit: 'Fit',
  inputs: [
    { name: 'x', type: x },
    { name: 'y', type: y },
  ],
  mapping: readMapping(maps, ['x', 'y']),
  classes: {},
  ...more,
});

/** The diagnostic that loading ends with. */
function failure(source: DataSource, asked: LoadRequest): { code: string | undefined; message: string } {
  try {
    loadDataset(source, asked);
  } catch (error) {
    if (error instanceof Failure) return { code: error.diagnostics[0]?.code, message: error.message };
    throw error;
  }
  throw new Error('it loaded');
}

describe('a table', () => {
  const good = table('a,b,kind\n1,2,cat\n3,4.5,ant\n5,6,cat\n');

  test('gives numbers by column and class ids in sorted order', () => {
    const data = loadDataset(good, request(['x=a,b', 'y=kind']));
    expect(data.count).toBe(3);
    expect([...(data.inputs['x']?.data ?? [])]).toEqual([1, 2, 3, 4.5, 5, 6]);
    expect([...(data.inputs['y']?.data ?? [])]).toEqual([1, 0, 1]);
    expect(data.classes).toEqual({ y: ['ant', 'cat'] });
  });

  test('keeps class ids that a checkpoint fixed, and refuses a class that is not among them', () => {
    const known = { y: ['ant', 'bee', 'cat'] };
    const data = loadDataset(good, request(['x=a,b', 'y=kind'], { classes: known }));
    expect([...(data.inputs['y']?.data ?? [])]).toEqual([2, 0, 2]);
    const unknown = failure(good, request(['x=a,b', 'y=kind'], { classes: { y: ['ant', 'bee'] } }));
    expect(unknown).toEqual({
      code: 'E0807',
      message: 'E0807 `y` of d.csv has the unknown class "cat" at line 2, column kind',
    });
  });

  test('ranges follow the header', () => {
    const header = ['p0', 'p1', 'label', 'p2'];
    expect(columnsOf('d.csv', header, readMapping(['x=p0..p2'], ['x']), 'x')).toEqual(['p0', 'p1', 'label', 'p2']);
    expect(() => columnsOf('d.csv', header, readMapping(['x=p2..p0'], ['x']), 'x')).toThrow(UsageError);
  });

  test.each([
    ['a,b,kind\n', ['x=a,b', 'y=kind'], 'E0806', 'd.csv has no examples'],
    ['a,b,kind\n1,2,c\n', ['x=a,B', 'y=kind'], 'E0805', 'has no column `B`'],
    ['a,b,kind\n1,2,c\n', ['x=a..z', 'y=kind'], 'E0805', 'has no column `z`'],
    ['a,b,kind\n1,2,c\n', ['y=kind'], 'E0805', 'has no column `x`'],
    ['a,b,kind\n1,nan,c\n', ['x=a,b', 'y=kind'], 'E0807', 'has nan at line 2, column b'],
    ['a,b,kind\n1,inf,c\n', ['x=a,b', 'y=kind'], 'E0807', 'has inf at line 2, column b'],
    ['a,b,kind\n1,2,c\n1,,c\n', ['x=a,b', 'y=kind'], 'E0807', 'an empty cell at line 3, column b'],
    ['a,b,kind\n1,two,c\n', ['x=a,b', 'y=kind'], 'E0807', '"two" at line 2, column b'],
    ['a,b,kind\n1,1e39,c\n', ['x=a,b', 'y=kind'], 'E0807', '"1e39" at line 2'],
    ['a,b,kind\n1,2,1.5\n', ['x=a,b', 'y=kind'], 'E0807', '"1.5" at line 2, column kind'],
    ['a,b,kind\n1,2,c\n', ['x=a', 'y=kind'], 'E0808', '`x` of d.csv is one column, but `Fit` needs f32[b, 2]'],
    ['a,b,kind\n1,2,c\n', ['x=a,b,a', 'y=kind'], 'E0808', '3 columns'],
  ])('%j with %j is %s', (text, maps, code, message) => {
    const found = failure(table(text), request(maps));
    expect(found.code).toBe(code);
    expect(found.message).toContain(message);
  });

  test('a misspelled column is suggested', () => {
    try {
      loadDataset(good, request(['x=a,b', 'y=knd']));
      expect.unreachable();
    } catch (error) {
      expect(error instanceof Failure && error.diagnostics[0]?.helps.map(({ text }) => text)).toEqual([
        'did you mean `kind`?',
      ]);
    }
  });
});

const source = (shape: readonly number[], data: ArrayLike<number>, labels: readonly number[]): DataSource => ({
  kind: 'tensors',
  file: 'd.npz',
  tensors: new Map([
    ['x', { dtype: 'f64', shape, data }],
    ['y', { dtype: 'i64', shape: [labels.length], data: labels }],
  ]),
});

describe('tensors', () => {
  test('are taken by name and converted', () => {
    const data = loadDataset(source([2, 2], [1, 2, 3, 4], [7, 8]), request([]));
    expect(data.inputs['x']).toEqual({ dtype: 'f32', row: [2], data: Float32Array.of(1, 2, 3, 4) });
    expect(data.inputs['y']).toEqual({ dtype: 'i32', row: [], data: Int32Array.of(7, 8) });
  });

  test.each([
    [source([2, 3], [1, 2, 3, 4, 5, 6], [0, 1]), 'E0808', 'is f64[2, 3], but `Fit` needs f32[b, 2]'],
    [source([2, 2], [1, 2, 3, NaN], [0, 1]), 'E0807', 'NaN at [1, 1]'],
    [source([2, 2], [1, 2, 3, 4], [0, 1, 2]), 'E0808', '3 examples'],
    [source([0, 2], [], []), 'E0806', 'no examples'],
    [source([2, 2], [1, 2, 3, 4], [0, 2 ** 40]), 'E0807', '1099511627776'],
  ])('%#: %s', (data, code, message) => {
    const found = failure(data, request([]));
    expect(found.code).toBe(code);
    expect(found.message).toContain(message);
  });
});

describe('order', () => {
  property.prop([fc.integer({ min: 0, max: 200 }), fc.nat(), fc.nat({ max: 100 })])(
    'a shuffle is a permutation that its seed and stream decide',
    (count, seed, stream) => {
      const items = Int32Array.from({ length: count }, (_, at) => at);
      const order = shuffled(items, seed, stream);
      expect([...order].sort((a, b) => a - b)).toEqual([...items]);
      expect(shuffled(items, seed, stream)).toEqual(order);
    },
  );

  test('epochs and seeds differ', () => {
    const items = Int32Array.from({ length: 50 }, (_, at) => at);
    const orders = [shuffled(items, 0, 1), shuffled(items, 0, 2), shuffled(items, 1, 1)].map(String);
    expect(new Set(orders).size).toBe(3);
  });

  property.prop([fc.integer({ min: 0, max: 99 }), fc.double({ min: 0, max: 0.99, noNaN: true }), fc.nat()])(
    'a split uses every example once',
    (count, share, seed) => {
      const { train, valid } = split(count, share, seed);
      expect(valid.length).toBe(Math.round(count * share));
      expect([...train, ...valid].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, at) => at));
    },
  );

  test('batches hold the rows of their indices', () => {
    const data = loadDataset(table('a,b,y\n1,2,0\n3,4,1\n5,6,2\n'), request(['x=a,b']));
    const [first, second, ...more] = batches(data, Int32Array.of(2, 0, 1), 2);
    expect(more).toEqual([]);
    expect(first?.['x']).toEqual({ data: Float32Array.of(5, 6, 1, 2), shape: [2, 2] });
    expect(second?.['y']).toEqual({ data: Int32Array.of(1), shape: [1] });
  });
});
