// Small graphs for what the MLP does not touch: element types, scalar arguments, several results, shapes that are
// expressions, `requires`, state, two models under one train, loops, fills and copies.
import { Builder, tensorType } from '../../src/ir/builder.ts';
import { add, mul, variable, type DimLike } from '../../src/ir/dim.ts';
import { Facts } from '../../src/ir/dim-solver.ts';
import type { DType } from '../../src/ir/dtype.ts';
import type {
  Fact,
  FunctionInput,
  GraphFunction,
  GraphModule,
  InputRole,
  ModelInfo,
  Structure,
  Value,
} from '../../src/ir/graph.ts';

const span = { source: { name: 'parts.dlm', text: '', lineStarts: [0] }, start: 0, end: 0 };

const of =
  (role: 'output' | 'update') =>
  ([key, value]: [string, Value]) => ({ name: key, role, value });

/** A function under construction. */
class Case {
  readonly b: Builder;
  private readonly inputs: FunctionInput[] = [];
  private readonly dims: { name: string; min: number }[];

  constructor(
    dims: readonly string[],
    private readonly facts: readonly Fact[] = [],
  ) {
    this.dims = dims.map((name) => ({ name, min: 1 }));
    this.b = new Builder(new Facts(this.dims, facts));
  }

  input(name: string, dtype: DType, shape: readonly DimLike[], role: InputRole = 'argument'): Value {
    const value = { name, type: tensorType(dtype, shape) };
    this.inputs.push({ name, role, value });
    return value;
  }

  function(
    name: string,
    kind: GraphFunction['kind'],
    outputs: Record<string, Value>,
    updates: Record<string, Value> = {},
  ): GraphFunction {
    return {
      name,
      kind,
      dims: this.dims,
      facts: this.facts,
      inputs: this.inputs,
      nodes: this.b.nodes,
      host: [],
      results: [...Object.entries(outputs).map(of('output')), ...Object.entries(updates).map(of('update'))],
    };
  }
}

const [n, m] = [variable('n'), variable('m')];
const tensor = (result: string): Structure => ({ kind: 'tensor', result });

// (flags, ids, scale, shift) -> { picked, whole, all: [flags, total] }
function typesEntry(): GraphFunction {
  const f = new Case(['n']);
  const flags = f.input('flags', 'bool', [n]);
  const ids = f.input('ids', 'i32', [n]);
  const words = f.input('words', 'u32', [n]);
  const scale = f.input('scale', 'f32', []);
  const shift = f.input('shift', 'i32', []);
  const moved = f.b.add(ids, f.b.broadcast(shift, [], [n]));
  const scaled = f.b.mul(f.b.cast(moved, 'f32'), f.b.broadcast(scale, [], [n]));
  const picked = f.b.select(flags, scaled, f.b.zero(scaled));
  return f.function('Parts.types', 'entry', {
    picked,
    moved,
    words: f.b.binary('xor', words, f.b.like(words, 0xffffffff)),
    flipped: f.b.op('not', [flags]),
    total: f.b.reduce('sum', picked, [0]),
  });
}

// (x[n, m], y[2n + 1]) with n % 2 == 0: two dims and an expression, flat arrays solved from one another.
function shapesEntry(): GraphFunction {
  const f = new Case(['n', 'm'], [{ kind: 'multiple', lhs: n, modulus: tensorType('f32', [2]).shape[0] ?? n }]);
  const x = f.input('x', 'f32', [n, m]);
  const y = f.input('y', 'f32', [add(mul(2, n), 1)]);
  return f.function('Parts.shapes', 'entry', { rows: f.b.reduce('sum', x, [1]), sum: f.b.reduce('sum', y, [0]) });
}

// count := count + 1, returning what it was; x passes through untouched.
function countEntry(): GraphFunction {
  const f = new Case(['n']);
  const x = f.input('x', 'f32', [n]);
  const count = f.input('count', 'i32', [], 'state');
  return f.function('Parts.count', 'entry', { before: count, x }, { count: f.b.add(count, f.b.one(count)) });
}

const initOf = (model: string, path: string, dtype: DType, shape: readonly number[], value: number): GraphFunction => {
  const f = new Case([]);
  return f.function(`${model}.init`, 'init', {}, { [path]: f.b.full(dtype, value, shape) });
};

// a.w moves by lr towards the mean of x, b.w takes the old a.w: an update that reads another's old value.
function duelStep(): GraphFunction {
  const f = new Case(['n']);
  const x = f.input('x', 'f32', [n, 2]);
  const [left, right] = [f.input('a.w', 'f32', [2], 'param'), f.input('b.w', 'f32', [2], 'param')];
  const lr = f.input('lr', 'f32', [], 'option');
  const mean = f.b.div(f.b.reduce('sum', x, [0]), f.b.broadcast(f.b.cast(f.b.dimValue(n), 'f32'), [], [2]));
  const gap = f.b.sub(mean, left);
  const loss = f.b.reduce('sum', f.b.mul(gap, gap), [0]);
  const next = f.b.add(left, f.b.mul(f.b.broadcast(lr, [], [2]), gap));
  return f.function(
    'Duel.step',
    'step',
    { gap: loss, other: f.b.reduce('sum', right, [0]), each: gap },
    { 'a.w': next, 'b.w': left },
  );
}

function duelEvaluate(): GraphFunction {
  const f = new Case(['n']);
  const x = f.input('x', 'f32', [n, 2]);
  const left = f.input('a.w', 'f32', [2], 'param');
  const right = f.input('b.w', 'f32', [2], 'param');
  const each = f.b.sub(f.b.reduce('max', x, [0]), left);
  return f.function('Duel.evaluate', 'evaluate', {
    gap: f.b.reduce('sum', each, [0]),
    other: f.b.reduce('sum', right, [0]),
    each,
  });
}

const model = (name: string, parameters: ModelInfo['parameters'], entries: Record<string, string> = {}): ModelInfo => ({
  name,
  doc: '',
  config: {},
  parameters,
  entries,
  init: `${name}.init`,
});

/** The module. */
export const partsModule = (): GraphModule => ({
  name: 'parts',
  functions: [
    initOf('Parts', 'count', 'i32', [], 40),
    typesEntry(),
    shapesEntry(),
    countEntry(),
    initOf('Side', 'w', 'f32', [2], 1),
    duelStep(),
    duelEvaluate(),
  ],
  entries: {
    'Parts.types': {
      name: 'types',
      doc: '',
      span,
      returns: {
        kind: 'tuple',
        items: [
          { name: 'picked', item: tensor('picked') },
          {
            name: 'rest',
            item: { kind: 'list', items: ['moved', 'words', 'flipped'].map((result) => ({ item: tensor(result) })) },
          },
          { name: 'total', item: tensor('total') },
        ],
      },
    },
    'Parts.shapes': {
      name: 'shapes',
      doc: '',
      span,
      returns: { kind: 'tuple', items: [{ item: tensor('rows') }, { item: tensor('sum') }] },
    },
    'Parts.count': {
      name: 'count',
      doc: '',
      span,
      returns: {
        kind: 'tuple',
        items: [
          { name: 'before', item: tensor('before') },
          { name: 'x', item: tensor('x') },
        ],
      },
    },
  },
  models: [
    model('Parts', [{ path: 'count', type: tensorType('i32', []), role: 'state', frozen: false, aliases: [], span }], {
      types: 'Parts.types',
      shapes: 'Parts.shapes',
      count: 'Parts.count',
      name: 'Parts.count',
      runner: 'Parts.count',
    }),
    model('Side', [{ path: 'w', type: tensorType('f32', [2]), role: 'param', frozen: false, aliases: [], span }]),
  ],
  trains: [
    {
      name: 'Duel',
      doc: '',
      models: [
        { name: 'a', model: 'Side' },
        { name: 'b', model: 'Side' },
      ],
      batch: [{ name: 'x', type: tensorType('f32', [n, 2]) }],
      options: [{ name: 'lr', dtype: 'f32', default: null }],
      slots: [],
      losses: ['gap', 'other'],
      metrics: ['each'],
      step: 'Duel.step',
      evaluate: 'Duel.evaluate',
      span,
    },
  ],
});
