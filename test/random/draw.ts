// Random programs over all primitives: cases that the ops of the registry draw for themselves, linked to values that
// are already there, over symbolic dims where their rules allow it, inside loops, behind `remat` marks, and between
// steps of the graphs that `dlm/testing` draws. Then gradients, second derivatives and an update in place.
import * as fc from 'fast-check';
import { Builder } from '../../src/ir/builder.ts';
import { asConstant, constant, evaluateDim, product, variable, type Dim } from '../../src/ir/dim.ts';
import { Facts } from '../../src/ir/dim-solver.ts';
import type {
  AttrValue,
  Attrs,
  FunctionInput,
  GraphFunction,
  Node,
  Region,
  TensorType,
  Value,
} from '../../src/ir/graph.ts';
import { ShapeError, type OpCase, type OpDefinition, type Tensor } from '../../src/ir/op.ts';
import { allOps } from '../../src/ir/ops/registry.ts';
import { argument, drawStep, graphInputs, scalar, type Choice } from '../../src/testing/random-graph.ts';

/** One decision of a program. `link` says which operands are values of the program, and which. */
export type Step =
  | { readonly kind: 'choice'; readonly choice: Choice }
  | { readonly kind: 'gradient'; readonly link: number }
  | { readonly kind: 'half'; readonly link: number }
  | {
      readonly kind: 'op';
      readonly op: string;
      readonly one: OpCase;
      readonly link: number;
      readonly symbolic: boolean;
    }
  | { readonly kind: 'loop'; readonly link: number; readonly body: readonly Step[] }
  | { readonly kind: 'remat'; readonly body: readonly Step[] };

/** What is drawn: everything else follows from it. */
export interface Plan {
  readonly n: number;
  readonly m: number;
  readonly values: readonly number[];
  readonly key: readonly [number, number];
  readonly iteration: number;
  readonly differentiate: boolean;
  readonly steps: readonly Step[];
}

/** A function, arguments for it, and the steps that took part. */
export interface Program {
  readonly fn: GraphFunction;
  readonly inputs: Readonly<Record<string, Tensor>>;
}

// Their integers are orders of rows and the inverses of these: no other integers will do.
const takeOrders = new Set(['inverse_order', 'take_along']);

// Copies of gradients of gradients grow fast.
const maxGradients = 1;
// The reference is slow: a step that makes more elements is left out.
const maxElements = 3_000;

const isFloatValue = ({ type }: Value): boolean => type.dtype === 'f32';
const sizeOf = ({ shape }: TensorType): Dim => product(shape);
const sameType = (a: TensorType, b: TensorType): boolean =>
  a.dtype === b.dtype && a.shape.map((d) => d.key).join() === b.shape.map((d) => d.key).join();

class Drawing {
  readonly inputs: FunctionInput[] = graphInputs();
  readonly given: Record<string, Tensor> = {};
  private gradients = 0;
  private groups = 0;
  // Inside a loop: what changes from step to step. The compiler moves casts of other values before the loop, where
  // their gradients are sums of another precision than the reference's.
  private carried: readonly Value[] | undefined;

  constructor(private readonly plan: Plan) {}

  input(tensor: Tensor, type: TensorType): Value {
    const name = `a${this.inputs.length}`;
    const value: Value = { type, name };
    this.inputs.push({ name, role: 'argument', value });
    this.given[name] = tensor;
    return value;
  }

  /** Adds what a step says to `b` and to `values`, unless that is too large; gives what is new. */
  draw(b: Builder, values: Value[], step: Step, outermost: boolean): readonly Value[] {
    const [nodes, seen, known] = [b.nodes.length, values.length, this.inputs.length];
    const made = this.drawAny(b, values, step, outermost);
    const { n, m } = this.plan;
    const size = (value: Value): number => evaluateDim(sizeOf(value.type), (name) => (name === 'n' ? n : m));
    const all = b.nodes.slice(nodes).flatMap(({ outputs }) => outputs);
    if (all.every((value) => size(value) <= maxElements)) return made;
    b.nodes.length = nodes;
    values.length = seen;
    for (const { name } of this.inputs.splice(known)) delete this.given[name];
    return [];
  }

  private drawAny(b: Builder, values: Value[], step: Step, outermost: boolean): readonly Value[] {
    switch (step.kind) {
      case 'choice':
        return drawStep(b, values, step.choice);
      case 'op': {
        const made = this.case(b, values, step);
        values.push(...made);
        return made;
      }
      case 'half': {
        const made = half(b, this.carried ?? values, step.link);
        values.push(...made);
        return made;
      }
      case 'loop': {
        const made = this.loop(b, values, step);
        values.push(...made);
        return made;
      }
      case 'remat': {
        // Marks do not nest.
        if (b.remat !== undefined) return step.body.flatMap((inner) => this.draw(b, values, inner, outermost));
        b.remat = `group${this.groups++}`;
        const made = step.body.flatMap((inner) => this.draw(b, values, inner, false));
        b.remat = undefined;
        return made;
      }
      case 'gradient': {
        const x = pick(values, step.link, (value) => isFloatValue(value) && value.name === undefined);
        if (!x || !outermost || this.gradients >= maxGradients) return [];
        this.gradients++;
        const made = b.node('gradient', [total(b, x, 1), ...this.smooth(values)]);
        values.push(...made);
        return made;
      }
    }
  }

  /** Values that gradients are taken with respect to. */
  smooth(values: readonly Value[]): Value[] {
    return values.filter((value) => isFloatValue(value) && (value.name === 'x' || value.name === 'w'));
  }

  // With symbolic extents where the op can prove what it needs of them.
  private case(b: Builder, values: Value[], step: Step & { kind: 'op' }): readonly Value[] {
    const count = b.nodes.length;
    const known = this.inputs.length;
    if (step.symbolic) {
      try {
        const symbolic = this.renamed(step.one);
        return this.node(b, values, step, symbolic.types, symbolic.attrs);
      } catch (error) {
        if (!(error instanceof ShapeError)) throw error;
        b.nodes.length = count;
        for (const { name } of this.inputs.splice(known)) delete this.given[name];
      }
    }
    const types = step.one.inputs.map(({ dtype, shape }) => ({ dtype, shape: shape.map(constant) }));
    return this.node(b, values, step, types, step.one.attrs);
  }

  private node(
    b: Builder,
    values: readonly Value[],
    { op, one, link }: Step & { kind: 'op' },
    types: readonly TensorType[],
    attrs: Attrs,
  ): readonly Value[] {
    const operands = types.map((type, at) => {
      const tensor = one.inputs[at] ?? scalar(type.dtype, 0);
      return this.operand(b, values, op, tensor, type, Math.floor(link / 5 ** at));
    });
    if (op === 'gradient') return [];
    return b.node(op, operands, attrs, one.regions);
  }

  // An argument of its own, or a value of the program brought to this type and into the range of the case.
  private operand(
    b: Builder,
    values: readonly Value[],
    op: string,
    tensor: Tensor,
    type: TensorType,
    link: number,
  ): Value {
    // Modules refuse arguments that are not finite.
    const own = this.input({ ...tensor, data: tensor.data.map((x) => (Number.isFinite(x) ? x : 0)) }, type);
    if (link % 5 === 0 || (type.dtype === 'i32' && takeOrders.has(op))) return own;
    const fits = values.filter((value) => sameType(value.type, type));
    const from = link % 5 < 3 ? pick(fits, link, () => true) : pick(values, link, () => true);
    if (!from) return own;
    const numbers = tensor.data.filter(Number.isFinite);
    const [low, high] = [Math.min(...numbers, 8), Math.max(...numbers, -8)];
    const same = sameType(from.type, type) ? from : resized(b, from, type);
    if (type.dtype === 'bool') return same.type.dtype === 'bool' ? same : b.cast(same, 'bool');
    if (type.dtype !== 'f32') return whole(b, b.cast(same, type.dtype), low, high);
    const float = b.cast(same, 'f32');
    if (low > 0 || link % 5 === 4)
      return b.add(b.like(own, low), b.mul(b.unary('sigmoid', float), b.like(own, high - low)));
    return sameType(from.type, type) ? from : b.add(own, b.mul(float, b.like(float, 0.5)));
  }

  private renamed({ inputs, attrs }: OpCase): { types: TensorType[]; attrs: Attrs } {
    const extent = (size: number): Dim =>
      size === this.plan.n ? variable('n') : size === this.plan.m ? variable('m') : constant(size);
    const value = (attr: AttrValue): AttrValue => {
      if (Array.isArray(attr)) return attr.map((item: AttrValue) => value(item));
      if (typeof attr !== 'object' || !('key' in attr)) return attr;
      const size = asConstant(attr);
      return size === undefined ? attr : extent(size);
    };
    return {
      types: inputs.map(({ dtype, shape }) => ({ dtype, shape: shape.map(extent) })),
      attrs: Object.fromEntries(Object.entries(attrs).map(([name, attr]) => [name, value(attr)])),
    };
  }

  // h' = tanh(h/2 + what the body made of row t), with values of the enclosing region inside.
  private loop(b: Builder, values: Value[], { link, body }: Step & { kind: 'loop' }): readonly Value[] {
    const rows = pick(values, link, (value) => isFloatValue(value) && value.type.shape.length > 0);
    const [length, ...rest] = rows?.type.shape ?? [];
    if (!rows || !length) return [];
    const inner = new Builder(b.facts);
    const type = { dtype: 'f32' as const, shape: rest };
    const [t, h, row]: Value[] = [{ type: { dtype: 'i32', shape: [] } }, { type }, { type }];
    if (!t || !h || !row) return [];
    const seen: Value[] = [...values, t, row, h];
    this.carried = [row, h];
    const made = body.flatMap((step) => this.draw(inner, seen, step, false));
    this.carried = undefined;
    const last = made.at(-1);
    const half = inner.mul(inner.add(h, row), inner.like(h, 0.5));
    const add =
      last && inner.cast(sameType({ ...last.type, dtype: 'f32' }, type) ? last : resized(inner, last, type), 'f32');
    const next = inner.unary('tanh', add ? inner.add(half, add) : half);
    const region: Region = { params: [t, h, row], nodes: inner.nodes, results: [next, ...made.slice(-2)] };
    const start = b.full('f32', 0.5, rest);
    return b.node('scan', [start, rows], { carries: 1, length, reverse: link % 2 === 1 }, [region]);
  }
}

// A value as f16, something done with it there, and the result as f32.
function half(b: Builder, values: readonly Value[], link: number): readonly Value[] {
  const found = pick(values, link, isFloatValue);
  if (!found) return [];
  const x = b.cast(found, 'f16');
  const axis = x.type.shape.length - 1;
  const done = [
    (): Value => x,
    (): Value => b.add(x, b.like(x, 0.5)),
    (): Value => b.mul(x, b.unary('tanh', x)),
    (): Value => b.neg(b.op('copy', [x])),
    (): Value => (axis < 0 ? x : b.reduce('sum', x, [axis])),
    (): Value => (axis < 0 ? x : b.op('concat', [x, b.binary('max', x, b.zero(x))], { axis })),
    (): Value => (axis < 1 ? x : b.permute(x, [axis, ...Array.from({ length: axis }, (_, at) => at)])),
    (): Value => (axis < 0 ? x : b.dot(x, x, [], [[axis, axis]])),
  ];
  return [b.cast((done[link % done.length] ?? ((): Value => x))(), 'f32')];
}

function pick(values: readonly Value[], from: number, test: (value: Value) => boolean): Value | undefined {
  const found = values.filter(test);
  return found[found.length === 0 ? 0 : found.length - 1 - (from % found.length)];
}

// The elements in row-major order, cut or filled up with zeros.
function resized(b: Builder, x: Value, { shape }: TensorType): Value {
  const [has, wants] = [sizeOf(x.type), product(shape)];
  const numbers = x.type.dtype === 'bool' ? b.cast(x, 'f32') : x;
  const flat = b.reshape(numbers, [has]);
  const long = b.op('pad', [flat], { lo: [constant(0)], hi: [wants], interior: [0], value: 0 });
  return b.reshape(b.op('slice', [long], { start: [constant(0)], size: [wants], stride: [1] }), shape);
}

/** Integers brought into [low, high]. */
function whole(b: Builder, x: Value, low: number, high: number): Value {
  const rest = b.binary('rem', x, b.like(x, high - low + 1));
  return b.add(x.type.dtype === 'i32' ? b.unary('abs', rest) : rest, b.like(x, low));
}

// Σ tanh(x/2)·weight, which keeps second derivatives small.
function total(b: Builder, x: Value, weight: number): Value {
  const small = b.mul(b.unary('tanh', b.mul(x, b.like(x, 0.5))), b.like(x, weight));
  return b.reduce('sum', small, [...x.type.shape.keys()]);
}

/** Σ over float results, each with a weight of its own. */
function lossOf(b: Builder, sinks: readonly Value[]): Value {
  return sinks
    .filter(isFloatValue)
    .map((x, at) => total(b, x, [1, -0.5, 0.75, 2][at % 4] ?? 1))
    .reduce((a, c) => b.add(a, c), b.full('f32', 0));
}

/** What some node reads. */
function readBy(nodes: readonly Node[], into = new Set<Value>()): ReadonlySet<Value> {
  for (const node of nodes) {
    node.inputs.forEach((value) => into.add(value));
    for (const region of node.regions) {
      region.results.forEach((value) => into.add(value));
      readBy(region.nodes, into);
    }
  }
  return into;
}

/** The program of a plan. */
export function programOf(plan: Plan): Program {
  const { n, m, values: numbers, key, iteration } = plan;
  const drawing = new Drawing(plan);
  const dims = [
    { name: 'n', min: 1 },
    { name: 'm', min: 1 },
  ];
  const b = new Builder(new Facts(dims));
  const values = drawing.inputs.map(({ value }) => value);
  for (const step of plan.steps) drawing.draw(b, values, step, true);
  const read = readBy(b.nodes);
  const sinks = b.nodes.flatMap(({ outputs }) => outputs.filter((value) => !read.has(value)));
  const outputs = sinks.map((value, at) => ({ name: `r${at}`, role: 'output' as const, value }));
  const results: GraphFunction['results'][number][] = [...outputs];
  const [lr, w] = ['lr', 'w'].map((name) => drawing.inputs.find((input) => input.name === name)?.value);
  if (plan.differentiate && sinks.some(isFloatValue) && lr && w) {
    const loss = lossOf(b, sinks);
    const smooth = drawing.inputs.filter(
      ({ role, value }) => role !== 'option' && isFloatValue(value) && read.has(value),
    );
    const gradients = b.node('gradient', [loss, ...smooth.map(({ value }) => value)]);
    results.push({ name: 'loss', role: 'output', value: loss });
    smooth.forEach(({ name }, at) => {
      const value = gradients[at];
      if (value) results.push({ name: `d/${name}`, role: 'output', value });
    });
    const slope = gradients[smooth.findIndex(({ name }) => name === 'w')];
    if (slope) {
      const rate = b.broadcast(lr, [], slope.type.shape);
      results.push({ name: 'w', role: 'update', value: b.sub(w, b.mul(rate, slope)) });
    }
  }
  const fn: GraphFunction = {
    name: 'random',
    kind: 'entry',
    dims,
    facts: [],
    inputs: drawing.inputs,
    nodes: b.nodes,
    results,
    host: [],
  };
  const inputs = {
    ...drawing.given,
    x: argument([n, m], numbers),
    y: argument([n, m], numbers.toReversed()),
    w: argument([m, n], numbers.slice(2)),
    lr: scalar('f32', (numbers[0] ?? 1) / 8),
    iteration: scalar('i32', iteration),
    'key.0': scalar('u32', key[0]),
    'key.1': scalar('u32', key[1]),
  };
  return { fn, inputs };
}

const link = fc.nat(5 ** 6);
// A gradient has a step of its own.
const drawable = allOps.filter(({ name }) => name !== 'gradient');

const opStep = (op: OpDefinition): fc.Arbitrary<Step> =>
  fc
    .record({ one: op.arbitrary(fc), link, symbolic: fc.boolean() })
    .map((drawn) => ({ kind: 'op', op: op.name, ...drawn }));

const simpleStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...drawable).chain(opStep) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.nat(99), fc.nat(99), fc.nat(99), fc.nat(99))
      .map((choice): Step => ({ kind: 'choice', choice })),
  },
);
const halfStep = fc.record({ kind: fc.constant('half' as const), link });
const bodies = fc.array(fc.oneof({ weight: 9, arbitrary: simpleStep }, { weight: 1, arbitrary: halfStep }), {
  minLength: 1,
  maxLength: 3,
});
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: simpleStep },
  { weight: 1, arbitrary: halfStep },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('loop' as const), link, body: bodies }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remat' as const), body: bodies }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('gradient' as const), link }) },
);

// Mostly small; long rows and tall columns fill vectors, tiles and workgroups.
const extent = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 4 }) },
  { weight: 1, arbitrary: fc.integer({ min: 5, max: 40 }) },
  { weight: 1, arbitrary: fc.integer({ min: 41, max: 300 }) },
);

/** Plans of programs whose first step is one of `first`, with at most `length` more. */
const plansFrom = (first: fc.Arbitrary<Step>, length: number): fc.Arbitrary<Plan> =>
  fc
    .record({
      sizes: fc.tuple(extent, fc.integer({ min: 1, max: 4 }), fc.boolean()),
      values: fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 7, maxLength: 7 }),
      key: fc.tuple(fc.nat(2 ** 31), fc.nat(2 ** 31)),
      iteration: fc.nat(50),
      differentiate: fc.boolean(),
      first,
      rest: fc.array(anyStep, { maxLength: length, size: 'max' }),
    })
    .map(({ sizes: [n, m, turned], first: head, rest, ...plan }) => {
      // Somewhere in the middle, so that it has both operands and readers.
      const steps = rest.toSpliced(Math.floor(rest.length / 2), 0, head);
      return { ...plan, n: turned ? m : n, m: turned ? n : m, steps };
    });

/** Names of the primitives that {@link plansWith} draws programs around. */
export const primitives: readonly string[] = allOps.map(({ name }) => name);

/** Plans of programs of up to `length` + 1 steps, one of which uses the op. */
export function plansWith(op: string, length: number): fc.Arbitrary<Plan> {
  const definition = drawable.find(({ name }) => name === op);
  const gradient = fc.record({ kind: fc.constant('gradient' as const), link });
  return plansFrom(definition ? opStep(definition) : gradient, length);
}
