// A model small enough to write all its kernels by hand: y = x·w over three features, trained by gradient descent with
// a slot that counts updates. CPU kernels are Kernel IR, GPU kernels are WGSL text; the emitter sees only contracts.
import { constant, product, variable, type Dim } from '../../src/ir/dim.ts';
import type {
  FunctionInput,
  FunctionResult,
  GraphFunction,
  GraphModule,
  TensorType,
  Value,
} from '../../src/ir/graph.ts';
import type { Kernel, KernelExpr, Statement } from '../../src/ir/kernel.ts';
import type { Plan, PlanBuffer, PlanStep, TargetProgram } from '../../src/ir/plan.ts';
import { encodeWasm } from '../../src/codegen/wasm/module.ts';
import { tableWords } from '../../src/codegen/wasm/table.ts';
import { emitModule, type EmittedModule } from '../../src/codegen/host/emit.ts';

const b = variable('b');
const type = (dtype: TensorType['dtype'], ...shape: (Dim | number)[]): TensorType => ({
  dtype,
  shape: shape.map((dim) => (typeof dim === 'number' ? constant(dim) : dim)),
});
const value = (t: TensorType, name: string): Value => ({ type: t, name });
const input = (name: string, role: FunctionInput['role'], t: TensorType): FunctionInput => ({
  name,
  role,
  value: value(t, name),
});
const result = (name: string, role: FunctionResult['role'], t: TensorType): FunctionResult => ({
  name,
  role,
  value: value(t, name),
});

const x = input('x', 'argument', type('f32', b, 3));
const y = input('y', 'argument', type('f32', b));
const w = input('w', 'param', type('f32', 3));
const slot = input('count:w', 'slot', type('f32', 3));
const key0 = input('key.0', 'key', type('u32'));
const lr = input('lr', 'option', type('f32'));
const origin = { source: { name: 'line.dlm', text: '', lineStarts: [0] }, start: 0, end: 0 };

const node = (op: string, inputs: Value[], output: Value, attrs = {}) => ({
  op,
  inputs,
  attrs,
  outputs: [output],
  regions: [],
  origin: [],
});

// scale = lr · (2 / b), computed by the host.
function scaleRegion(): GraphFunction['host'][number] {
  const [rate, size, two, float, ratio, scale] = ['lr', 'b', 'two', 'f', 'r', 's'].map((name) =>
    value(type(name === 'b' ? 'i32' : 'f32'), name),
  );
  if (!rate || !size || !two || !float || !ratio || !scale) throw new RangeError();
  const nodes = [
    node('dim', [], size, { dim: b }),
    node('constant', [], two, { dtype: 'f32', value: 2 }),
    node('cast', [size], float, { dtype: 'f32' }),
    node('div', [two, float], ratio),
    node('mul', [rate, ratio], scale),
  ];
  return { name: 'scale', dtype: 'f32', region: { params: [rate], nodes, results: [scale] } };
}

const fn = (
  name: string,
  kind: GraphFunction['kind'],
  inputs: FunctionInput[],
  results: FunctionResult[],
  host: GraphFunction['host'] = [],
): GraphFunction => ({
  name,
  kind,
  inputs,
  results,
  host,
  facts: [],
  nodes: [],
  dims: inputs.includes(x) ? [{ name: 'b', min: 1 }] : [],
});

const loss = result('loss', 'output', type('f32'));
const functions = [
  fn('Line.init', 'init', [key0], [result('w', 'update', w.value.type)]),
  fn('Line.predict', 'entry', [x, w], [result('0', 'output', type('f32', b))]),
  fn(
    'FitLine.step',
    'step',
    [x, y, w, slot, lr],
    [loss, result('w', 'update', w.value.type), result('count:w', 'update', slot.value.type)],
    [scaleRegion()],
  ),
  fn('FitLine.evaluate', 'evaluate', [x, y, w], [loss]),
];

/** The graph level of the fixture; the emitter reads names, roles and types from it. */
export const lineModule: GraphModule = {
  name: 'line',
  functions,
  entries: {
    'Line.predict': { name: 'predict', doc: 'The line at x.', returns: { kind: 'tensor', result: '0' }, span: origin },
  },
  models: [
    {
      name: 'Line',
      doc: '',
      config: { features: '3' },
      init: 'Line.init',
      entries: { predict: 'Line.predict' },
      parameters: [{ path: 'w', type: w.value.type, role: 'param', frozen: false, aliases: ['tied'], span: origin }],
    },
  ],
  trains: [
    {
      name: 'FitLine',
      doc: '',
      models: [{ name: 'net', model: 'Line' }],
      batch: [x, y].map(({ name, value: { type: t } }) => ({ name, type: t })),
      options: [{ name: 'lr', dtype: 'f32', default: 0.1 }],
      slots: [{ name: 'count:w', type: slot.value.type, initial: 5 }],
      losses: ['loss'],
      metrics: [],
      step: 'FitLine.step',
      evaluate: 'FitLine.evaluate',
      span: origin,
    },
  ],
};

const f32 = { type: 'f32', width: 1 } as const;
const i32 = { type: 'i32', width: 1 } as const;
const name = (n: string): KernelExpr => ({ kind: 'name', ...i32, name: n });
const number = (v: number): KernelExpr => ({ kind: 'const', ...i32, value: v });
const int = (op: 'add' | 'mul', left: KernelExpr, right: KernelExpr): KernelExpr => ({
  kind: 'binary',
  ...i32,
  op,
  a: left,
  b: right,
});
const float = (op: 'add' | 'sub' | 'mul' | 'div', left: KernelExpr, right: KernelExpr): KernelExpr => ({
  kind: 'binary',
  ...f32,
  op,
  a: left,
  b: right,
});
const load = (buffer: string, index: KernelExpr): KernelExpr => ({ kind: 'load', ...f32, buffer, index });
const local = (n: string): KernelExpr => ({ kind: 'name', ...f32, name: n });
const param = (n: string): KernelExpr => ({ kind: 'param', ...i32, name: n });
const each = (body: Statement[]): Statement => ({
  kind: 'for',
  name: 'i',
  from: name('%begin'),
  to: name('%end'),
  step: 1,
  body,
});
const store = (buffer: string, stored: KernelExpr, index = name('i')): Statement => ({
  kind: 'store',
  buffer,
  index,
  value: stored,
});
const at = (k: number): KernelExpr => int('add', int('mul', name('i'), number(3)), number(k));
const line = [0, 1, 2]
  .map((k) => float('mul', load('x', at(k)), load('w', number(k))))
  .reduce((p, q) => float('add', p, q));
const sum = (n: string, to: KernelExpr, term: KernelExpr): Statement[] => [
  { kind: 'var', name: n, init: { kind: 'const', ...f32, value: 0 } },
  {
    kind: 'for',
    name: 'j',
    from: number(0),
    to,
    step: 1,
    body: [{ kind: 'assign', name: n, value: float('add', local(n), term) }],
  },
];

interface Shape {
  readonly buffers: readonly [string, 'read' | 'write'][];
  readonly params?: readonly string[];
  readonly scalars?: Kernel['scalars'];
  readonly cpu: Statement[];
  readonly gpu: string;
}

const shapes: Readonly<Record<string, Shape>> = {
  init: {
    buffers: [['w', 'write']],
    scalars: [{ name: 'key.0', type: 'u32' }],
    cpu: [each([store('w', { kind: 'cast', ...f32, x: { kind: 'scalar', type: 'u32', width: 1, name: 'key.0' } })])],
    gpu: 'if (i < 3) { w[i] = f32(step[p[0].x / 4][p[0].x % 4]); }',
  },
  predict: {
    buffers: [
      ['x', 'read'],
      ['w', 'read'],
      ['out', 'write'],
    ],
    params: ['n'],
    cpu: [each([store('out', line)])],
    gpu: 'if (i < p[0].x) { out[i] = x[3 * i] * w[0] + x[3 * i + 1] * w[1] + x[3 * i + 2] * w[2]; }',
  },
  residual: {
    buffers: [
      ['x', 'read'],
      ['w', 'read'],
      ['y', 'read'],
      ['out', 'write'],
    ],
    params: ['n'],
    cpu: [each([store('out', float('sub', line, load('y', name('i'))))])],
    gpu: 'if (i < p[0].x) { out[i] = x[3 * i] * w[0] + x[3 * i + 1] * w[1] + x[3 * i + 2] * w[2] - y[i]; }',
  },
  loss: {
    buffers: [
      ['r', 'read'],
      ['out', 'write'],
    ],
    params: ['n'],
    cpu: [
      each([
        ...sum('s', param('n'), float('mul', load('r', name('j')), load('r', name('j')))),
        store('out', float('div', local('s'), { kind: 'cast', ...f32, x: param('n') })),
      ]),
    ],
    gpu: 'if (i == 0) { var s = 0.0; for (var j = 0; j < p[0].x; j++) { s += r[j] * r[j]; } out[0] = s / f32(p[0].x); }',
  },
  update: {
    buffers: [
      ['r', 'read'],
      ['x', 'read'],
      ['w', 'read'],
      ['next', 'write'],
      ['count', 'read'],
      ['more', 'write'],
    ],
    params: ['n'],
    scalars: [{ name: 'scale', type: 'f32' }],
    cpu: [
      each([
        ...sum(
          's',
          param('n'),
          float('mul', load('r', name('j')), load('x', int('add', int('mul', name('j'), number(3)), name('i')))),
        ),
        store(
          'next',
          float('sub', load('w', name('i')), float('mul', { kind: 'scalar', ...f32, name: 'scale' }, local('s'))),
        ),
        store('more', float('add', load('count', name('i')), { kind: 'const', ...f32, value: 1 })),
      ]),
    ],
    gpu: `if (i < 3) {
      var s = 0.0;
      for (var j = 0; j < p[0].x; j++) { s += r[j] * x[3 * j + i]; }
      w[i] = w[i] - bitcast<f32>(step[p[0].y / 4][p[0].y % 4]) * s;
      count[i] = count[i] + 1.0;
    }`,
  },
};

const kernel =
  (target: 'gpu' | 'cpu') =>
  ([id, shape]: [string, Shape]): Kernel => ({
    name: id,
    target,
    origin: [],
    arrays: [],
    workgroup: [64, 1, 1],
    buffers: shape.buffers.map(([buffer, access]) => ({ name: buffer, dtype: 'f32', access })),
    params: shape.params ?? [],
    scalars: shape.scalars ?? [],
    body: target === 'cpu' ? shape.cpu : [],
  });

/** WGSL of a fixture kernel: the hand-written body over the bindings that the runtime declares. */
export function lineWgsl(
  { name: id, buffers, params, scalars }: Kernel,
  access: readonly ('read' | 'read_write')[],
): readonly [bindings: string, invocations: number, code: string] {
  const uniforms = (params.length + scalars.length > 0 ? 'p' : '') + (scalars.length > 0 ? 's' : '');
  const body = buffers.reduce(
    (text, buffer, at) => text.replaceAll(new RegExp(`\\b${buffer.name}\\[`, 'g'), `b${at}[`),
    shapes[id]?.gpu ?? '',
  );
  const bindings = access.map((mode) => (mode === 'read' ? 'rf' : 'wf')).join('') + uniforms;
  return [bindings, 64, `let i = W * 64 + L;\n${body}\n}\n`];
}

type Buffers = readonly [id: string, pool: PlanBuffer['pool'], t: TensorType, alias?: string][];

function planOf(
  target: 'gpu' | 'cpu',
  of: GraphFunction,
  buffers: Buffers,
  dispatches: readonly [string, string[], Dim][],
  outputs: Record<string, string>,
): Plan {
  const grid = (extent: Dim): Dim => (target === 'cpu' ? extent : constant(1));
  const steps = dispatches.map(([id, ids, extent]): PlanStep => ({
    kind: 'dispatch',
    kernel: id,
    buffers: ids,
    params: (shapes[id]?.params ?? []).map(() => b),
    scalars: (shapes[id]?.scalars ?? []).map((scalar) => scalar.name),
    grid: [grid(extent), constant(1), constant(1)],
  }));
  const uses = (id: string): number[] => dispatches.flatMap(([, ids], index) => (ids.includes(id) ? [index] : []));
  return {
    name: of.name,
    kind: of.kind,
    target,
    dims: of.dims,
    facts: of.facts,
    steps,
    host: of.host,
    inputs: of.inputs.map((each_) =>
      product(each_.value.type.shape).key === '1'
        ? { name: each_.name, role: each_.role }
        : { name: each_.name, role: each_.role, buffer: each_.name },
    ),
    results: of.results.map((each_) => ({ name: each_.name, role: each_.role, buffer: outputs[each_.name] ?? '' })),
    buffers: buffers.map(([id, pool, t, alias]) => ({
      id,
      pool,
      ...t,
      first: Math.min(...uses(id)),
      last: Math.max(...uses(id)),
      ...(alias === undefined ? {} : { alias }),
    })),
    record: [...of.inputs.filter(({ value: { type: t } }) => t.shape.length === 0), ...of.host].map((word) => ({
      name: word.name,
      dtype: 'value' in word ? word.value.type.dtype : word.dtype,
    })),
  };
}

function programOf(target: 'gpu' | 'cpu'): TargetProgram {
  const [init, predict, step, evaluate] = functions;
  if (!init || !predict || !step || !evaluate) throw new RangeError();
  const [xs, ys, ws, rows] = [type('f32', b, 3), type('f32', b), type('f32', 3), type('f32', b)];
  return {
    target,
    kernels: Object.entries(shapes).map(kernel(target)),
    plans: [
      planOf(target, init, [['w0', 'persistent', ws]], [['init', ['w0'], constant(3)]], { w: 'w0' }),
      planOf(
        target,
        predict,
        [
          ['x', 'io', xs],
          ['w', 'weights', ws],
          ['out', 'io', rows],
        ],
        [['predict', ['x', 'w', 'out'], b]],
        { 0: 'out' },
      ),
      planOf(
        target,
        step,
        [
          ['x', 'io', xs],
          ['y', 'io', ys],
          ['w', 'persistent', ws],
          ['w2', 'persistent', ws, 'w'],
          ['count:w', 'persistent', ws],
          ['c2', 'persistent', ws, 'count:w'],
          ['r', 'arena', rows],
          ['l', 'io', type('f32')],
        ],
        [
          ['residual', ['x', 'w', 'y', 'r'], b],
          ['loss', ['r', 'l'], constant(1)],
          ['update', ['r', 'x', 'w', 'w2', 'count:w', 'c2'], constant(3)],
        ],
        { loss: 'l', w: 'w2', 'count:w': 'c2' },
      ),
      planOf(
        target,
        evaluate,
        [
          ['x', 'io', xs],
          ['y', 'io', ys],
          ['w', 'weights', ws],
          ['r', 'arena', rows],
          ['l', 'io', type('f32')],
        ],
        [
          ['residual', ['x', 'w', 'y', 'r'], b],
          ['loss', ['r', 'l'], constant(1)],
        ],
        { loss: 'l' },
      ),
    ],
  };
}

/** The fixture as a module. */
export const emitLine = (targets: readonly ('gpu' | 'cpu')[] = ['gpu', 'cpu']): Promise<EmittedModule> =>
  emitModule(
    { module: lineModule, programs: targets.map(programOf), name: 'line', sourceName: 'line.dlm' },
    { wgsl: lineWgsl, wasm: encodeWasm, tableWords },
  );
