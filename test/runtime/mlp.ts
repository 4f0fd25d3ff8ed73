// An MLP with training as graph IR, through every pass: what the runtime meets in earnest. Two layers, dropout-like
// random mask in the step, a decaying learning rate (host scalars), momentum slots, an integer output.
import { Builder } from '../../src/ir/builder.ts';
import { variable } from '../../src/ir/dim.ts';
import { Facts } from '../../src/ir/dim-solver.ts';
import { tensorType } from '../../src/ir/builder.ts';
import type { FunctionInput, GraphFunction, GraphModule, InputRole, TensorType, Value } from '../../src/ir/graph.ts';

const b = variable('b');
const dims = [{ name: 'b', min: 1 }];
const origin = { source: { name: 'mlp.dlm', text: '', lineStarts: [0] }, start: 0, end: 0 };
/** Parameters of the model. */
export const parameters: readonly (readonly [path: string, type: TensorType])[] = [
  ['fc1.weight', tensorType('f32', [16, 5])],
  ['fc1.bias', tensorType('f32', [16])],
  ['fc2.weight', tensorType('f32', [3, 16])],
  ['fc2.bias', tensorType('f32', [3])],
];

class Case {
  readonly b = new Builder(new Facts(dims, []));
  readonly inputs: FunctionInput[] = [];

  input(name: string, role: InputRole, type: TensorType): Value {
    const value = { name, type };
    this.inputs.push({ name, role, value });
    return value;
  }

  function(
    name: string,
    kind: GraphFunction['kind'],
    outputs: Record<string, Value>,
    updates: Record<string, Value> = {},
  ): GraphFunction {
    const results = [
      ...Object.entries(outputs).map(([of, value]) => ({ name: of, role: 'output' as const, value })),
      ...Object.entries(updates).map(([of, value]) => ({ name: of, role: 'update' as const, value })),
    ];
    const used = this.inputs.some(({ role }) => role === 'argument');
    return {
      name,
      kind,
      dims: used ? dims : [],
      facts: [],
      inputs: this.inputs,
      nodes: this.b.nodes,
      results,
      host: [],
    };
  }
}

const at = (values: ReadonlyMap<string, Value>, path: string): Value => {
  const value = values.get(path);
  if (!value) throw new RangeError(path);
  return value;
};

function weightsOf(f: Case): Map<string, Value> {
  return new Map(parameters.map(([path, type]) => [path, f.input(path, 'param', type)]));
}

const rows = (f: Case, x: Value, width: number): Value => f.b.broadcast(x, [1], [b, width]);

function logits(f: Case, x: Value, p: ReadonlyMap<string, Value>, keep?: Value): Value {
  const pre = f.b.add(f.b.dot(x, at(p, 'fc1.weight'), [], [[1, 1]]), rows(f, at(p, 'fc1.bias'), 16));
  const relu = f.b.binary('max', pre, f.b.zero(pre));
  const hidden = keep ? f.b.mul(relu, keep) : relu;
  return f.b.add(f.b.dot(hidden, at(p, 'fc2.weight'), [], [[1, 1]]), rows(f, at(p, 'fc2.bias'), 3));
}

// Mean over all elements of (logits - y)².
function lossOf(f: Case, x: Value, y: Value, p: ReadonlyMap<string, Value>, keep?: Value): Value {
  const d = f.b.sub(logits(f, x, p, keep), y);
  const count = f.b.cast(f.b.dimValue(b), 'f32');
  return f.b.div(f.b.reduce('sum', f.b.mul(d, d), [0, 1]), f.b.mul(count, f.b.full('f32', 3)));
}

function predict(): GraphFunction {
  const f = new Case();
  const x = f.input('x', 'argument', tensorType('f32', [b, 5]));
  const z = logits(f, x, weightsOf(f));
  const best = f.b.op('argreduce', [z], { kind: 'max', axis: 1 });
  return f.function('Mlp.predict', 'entry', { logits: z, best });
}

function init(): GraphFunction {
  const f = new Case();
  const [k0, k1] = [f.input('key.0', 'key', tensorType('u32', [])), f.input('key.1', 'key', tensorType('u32', []))];
  const updates = parameters.map(([path, type], index): [string, Value] => {
    if (path.endsWith('bias')) return [path, f.b.full('f32', 0, type.shape)];
    const [a, c] = f.b.node('fold_in', [k0, k1, f.b.full('u32', index)]);
    if (!a || !c) throw new RangeError();
    const bits = f.b.op('random_bits', [a, c], { shape: type.shape });
    const unit = f.b.mul(
      f.b.cast(f.b.binary('shr', bits, f.b.like(bits, 8)), 'f32'),
      f.b.full('f32', 2 ** -24, type.shape),
    );
    return [path, f.b.sub(unit, f.b.like(unit, 0.5))];
  });
  return f.function('Mlp.init', 'init', {}, Object.fromEntries(updates));
}

function step(): GraphFunction {
  const f = new Case();
  const x = f.input('x', 'argument', tensorType('f32', [b, 5]));
  const y = f.input('y', 'argument', tensorType('f32', [b, 3]));
  const p = weightsOf(f);
  const slots = new Map(parameters.map(([path, type]) => [path, f.input(`momentum:${path}`, 'slot', type)]));
  const lr = f.input('lr', 'option', tensorType('f32', []));
  const iteration = f.input('iteration', 'iteration', tensorType('i32', []));
  const [k0, k1] = [f.input('key.0', 'key', tensorType('u32', [])), f.input('key.1', 'key', tensorType('u32', []))];
  const bits = f.b.op('random_bits', [k0, k1], {
    shape: [b, 16].map((d) => (typeof d === 'number' ? tensorType('f32', [d]).shape[0] : d)) as never,
  });
  const keep = f.b.select(
    f.b.binary('lt', bits, f.b.like(bits, 0xe0000000)),
    f.b.full('f32', 8 / 7, [b, 16]),
    f.b.full('f32', 0, [b, 16]),
  );
  const loss = lossOf(f, x, y, p, keep);
  const gradients = f.b.node('gradient', [loss, ...p.values()]);
  const rate = f.b.mul(lr, f.b.binary('pow', f.b.full('f32', 0.99), f.b.cast(iteration, 'f32')));
  const updates: Record<string, Value> = {};
  parameters.forEach(([path, { shape }], index) => {
    const g = gradients[index];
    if (!g) throw new RangeError();
    const velocity = f.b.add(f.b.mul(at(slots, path), f.b.full('f32', 0.9, shape)), g);
    updates[`momentum:${path}`] = velocity;
    updates[path] = f.b.sub(at(p, path), f.b.mul(f.b.broadcast(rate, [], shape), velocity));
  });
  return f.function('FitMlp.step', 'step', { loss }, updates);
}

function evaluate(): GraphFunction {
  const f = new Case();
  const x = f.input('x', 'argument', tensorType('f32', [b, 5]));
  const y = f.input('y', 'argument', tensorType('f32', [b, 3]));
  return f.function('FitMlp.evaluate', 'evaluate', { loss: lossOf(f, x, y, weightsOf(f)) });
}

/** The module, as elaboration would hand it over. */
export const mlpModule = (): GraphModule => ({
  name: 'mlp',
  functions: [init(), predict(), step(), evaluate()],
  entries: {
    'Mlp.predict': {
      name: 'predict',
      doc: '',
      span: origin,
      returns: {
        kind: 'tuple',
        items: [
          { name: 'logits', item: { kind: 'tensor', result: 'logits' } },
          { name: 'best', item: { kind: 'tensor', result: 'best' } },
        ],
      },
    },
  },
  models: [
    {
      name: 'Mlp',
      doc: '',
      config: {},
      init: 'Mlp.init',
      entries: { predict: 'Mlp.predict' },
      parameters: parameters.map(([path, type]) => ({
        path,
        type,
        role: 'param',
        frozen: false,
        aliases: [],
        span: origin,
      })),
    },
  ],
  trains: [
    {
      name: 'FitMlp',
      doc: '',
      models: [{ name: 'net', model: 'Mlp' }],
      batch: [
        { name: 'x', type: tensorType('f32', [b, 5]) },
        { name: 'y', type: tensorType('f32', [b, 3]) },
      ],
      options: [{ name: 'lr', dtype: 'f32', default: 0.05 }],
      slots: parameters.map(([path, type]) => ({ name: `momentum:${path}`, type, initial: 0 })),
      losses: ['loss'],
      metrics: [],
      step: 'FitMlp.step',
      evaluate: 'FitMlp.evaluate',
      span: origin,
    },
  ],
});
