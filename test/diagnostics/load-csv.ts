// What loading a small table into the inputs x: f32[b, 2] and y: i32[b] says.
import { Failure } from '../../src/cli/failure.ts';
import { loadDataset } from '../../src/cli/data/load.ts';
import { readMapping } from '../../src/cli/data/mapping.ts';
import { parseCsv, type Diagnostic } from '../../src/index.ts';
import { constant, variable } from '../../src/ir/dim.ts';

/** Diagnostics of loading `text` with the `--map` options. */
export function loadCsv(text: string, maps: readonly string[]): readonly Diagnostic[] {
  const b = variable('b');
  try {
    loadDataset(
      { kind: 'table', file: 'flowers.csv', ...parseCsv(text, 'flowers.csv') },
      {
        unit: 'Fit',
        inputs: [
          { name: 'x', type: { dtype: 'f32', shape: [b, constant(2)] } },
          { name: 'y', type: { dtype: 'i32', shape: [b] } },
        ],
        mapping: readMapping(maps, ['x', 'y']),
        classes: {},
      },
    );
    return [];
  } catch (error) {
    if (error instanceof Failure) return error.diagnostics;
    throw error;
  }
}
