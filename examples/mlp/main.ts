// Multilayer perceptrons need no host code: `dlm train` reads the tables, holds out a fifth, and reports.
import type { CommandExample } from '../example.ts';

const iris = { 'Mlp.inputs': '4', 'Mlp.hidden': '16', 'Mlp.depth': '1', 'Mlp.classes': '3', 'Mlp.scale': '4.0' };
const settings = Object.entries({ ...iris, 'Mlp.activation': 'tanh', 'Mlp.drop': '0.0' });

/** Row 3. */
export const example: CommandExample = {
  row: 3,
  title: 'MLP',
  goals: { iris: { least: 0.96 }, digits: { least: 0.96 } },
  programs: [
    { file: 'mlp.dlm', dims: { b: 32 }, set: Object.fromEntries(settings) },
    { file: 'mlp.dlm', dims: { b: 32 } },
  ],
  commands: {
    iris: {
      line:
        'dlm train examples/mlp/mlp.dlm --data examples/data/iris.csv --map x=sepal_length..petal_width --map y=species ' +
        `${settings.map(([name, value]) => `--set ${name}=${value}`).join(' ')} --valid 0.2 --epochs 120 --option lr=1e-2`,
      metric: 'accuracy',
    },
    digits: {
      line:
        'dlm train examples/mlp/mlp.dlm --data examples/data/digits.csv --map x=pixel_0..pixel_63 --map y=digit ' +
        '--valid 0.2 --epochs 30',
      metric: 'accuracy',
    },
  },
};
