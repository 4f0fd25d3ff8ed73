// Runs nest functions point by point in float64 (or float32): the meaning of Nest IR, for tests of
// lowering and fusion. Reads and writes outside a buffer are errors, except dynamic writes, which drop.
import { evaluateDim, type Dim } from './dim.ts';
import { highest, lowest, type DType } from './dtype.ts';
import type { Condition, Expr, Index } from './expr.ts';
import {
  bindDims,
  evaluateHost,
  rounded,
  rounding,
  roundTensor,
  type InterpretOptions,
  type Rounding,
} from './interpreter.ts';
import type { Axis, Monoid, Nest, NestFunction, NestStep, OpaqueNest, Stage } from './nest.ts';
import { outerAxes } from './nest-scope.ts';
import type { Tensor } from './op.ts';
import { opNamed } from './ops/registry.ts';
import { evaluateBinary, evaluateBitcast, evaluateCast, evaluateUnary } from './scalar-semantics.ts';
import { threefry2x32 } from './threefry.ts';

/** Runs a nest function: results by name. @throws RangeError for inputs that do not fit and for stray accesses */
export function interpretNests(
  fn: NestFunction,
  inputs: Readonly<Record<string, Tensor>>,
  options: InterpretOptions = {},
): Record<string, Tensor> {
  const types = new Map(fn.buffers.map(({ id, type }) => [id, type]));
  const signature = {
    ...fn,
    inputs: fn.inputs.flatMap(({ name, buffer }) => {
      const type = types.get(buffer);
      return type ? [{ name, type }] : [];
    }),
  };
  const dims = bindDims(signature, inputs, options.dims);
  const run = new Run(dims, rounding(options.precision));
  const given = { ...evaluateHost(fn.host, inputs, dims), ...inputs };
  for (const { name, buffer } of fn.inputs) {
    const tensor = given[name];
    if (tensor) run.buffers.set(buffer, roundTensor({ ...tensor, data: tensor.data.slice() }, run.round));
  }
  const read = new Set(fn.inputs.map(({ buffer }) => buffer));
  for (const { id, type } of fn.buffers) if (!read.has(id)) run.allocate(id, type.dtype, type.shape);
  for (const step of fn.body) run.step(step);
  const wanted = fn.results.filter(({ name }) => options.outputs?.includes(name) ?? true);
  return Object.fromEntries(wanted.map(({ name, buffer }) => [name, run.buffer(buffer)]));
}

const binaryOf = { sum: 'add', prod: 'mul', max: 'max', min: 'min', and: 'and', or: 'or' } as const;

function identity(name: keyof typeof binaryOf, dtype: DType): number {
  switch (name) {
    case 'sum':
    case 'or':
      return 0;
    case 'prod':
      return 1;
    case 'max':
      return lowest[dtype];
    case 'min':
      return highest[dtype];
    case 'and':
      return dtype === 'bool' ? 1 : dtype === 'u32' ? highest.u32 : -1;
  }
}

type Reduction = Extract<Stage, { kind: 'reduce' }>;

class Run {
  readonly buffers = new Map<string, Tensor>();
  private readonly variables: Map<string, number>;
  private reduced = new Map<string, readonly number[]>();
  // Reductions that are done where they are used.
  private inside = new Map<string, Reduction>();

  constructor(
    dims: ReadonlyMap<string, number>,
    readonly round: Rounding,
  ) {
    this.variables = new Map(dims);
  }

  allocate(id: string, dtype: DType, shape: readonly Dim[]): void {
    const extents = shape.map((d) => this.dim(d));
    this.buffers.set(id, { dtype, shape: extents, data: new Float64Array(extents.reduce((size, n) => size * n, 1)) });
  }

  buffer(id: string): Tensor {
    const tensor = this.buffers.get(id);
    if (!tensor) throw new RangeError(`buffer ${id} has no value`);
    return tensor;
  }

  private dim(d: Dim): number {
    return evaluateDim(d, (name) => this.variables.get(name));
  }

  step(step: NestStep): void {
    switch (step.kind) {
      case 'nest':
        return this.nest(step);
      case 'opaque':
        return this.opaque(step);
      case 'loop': {
        const count = this.dim(step.count);
        for (let k = 0; k < count; k++) {
          this.variables.set(step.index, step.reverse ? count - 1 - k : k);
          for (const inner of step.body) this.step(inner);
        }
      }
    }
  }

  private opaque(step: OpaqueNest): void {
    const writes = step.writes.map((id) => this.buffer(id));
    const results = opNamed(step.op).evaluate(
      step.reads.map((id) => this.buffer(id)),
      step.attrs,
      {
        dims: (d) => this.dim(d),
        round: this.round.f32,
        regions: [],
        types: [],
        region: () => [],
      },
    );
    for (const [at, target] of writes.entries()) target.data.set(results[at]?.data ?? []);
  }

  private nest(nest: Nest): void {
    const outer = outerAxes(nest);
    this.inside = new Map(
      nest.stages.flatMap((stage) => (stage.kind === 'reduce' && outer.has(stage.id) ? [[stage.id, stage]] : [])),
    );
    this.each(nest.axes, () => {
      this.reduced = new Map();
      for (const stage of nest.stages) {
        if (stage.kind === 'reduce') {
          if (!outer.has(stage.id)) this.reduced.set(stage.id, this.reduce(stage));
        } else this.each(stage.axes, () => this.store(stage));
      }
    });
  }

  private each(axes: readonly Axis[], visit: () => void): void {
    const [axis, ...inner] = axes;
    if (!axis) return visit();
    const extent = this.dim(axis.extent);
    for (let i = 0; i < extent; i++) {
      this.variables.set(axis.name, i);
      this.each(inner, visit);
    }
    this.variables.delete(axis.name);
  }

  private reduce(stage: Reduction): readonly number[] {
    let parts: readonly number[] | undefined;
    this.each(stage.axes, () => {
      const cache = new Map<Expr, number>();
      const args = stage.args.map((arg) => this.value(arg, cache));
      parts = this.combine(stage.monoid, stage.dtypes, parts ?? start(stage.monoid, stage.dtypes, args), args);
    });
    return parts ?? stage.dtypes.map((dtype, part) => emptyReduction(stage.monoid, dtype, part));
  }

  private combine(
    monoid: Monoid,
    dtypes: readonly DType[],
    parts: readonly number[],
    args: readonly number[],
  ): readonly number[] {
    const [[a = 0, at = 0], [b = 0, other = 0]] = [parts, args];
    if (monoid.arity === 1) {
      const dtype = dtypes[0] ?? 'f32';
      const result = evaluateBinary(binaryOf[monoid.name], dtype, a, b);
      return [rounded(dtype, result, this.round)];
    }
    if (monoid.name === 'softmax') return this.softmax(parts, args);
    const better = monoid.name === 'argmax' ? b > a : b < a;
    return better || (a === b && other < at) ? args : parts;
  }

  private softmax(parts: readonly number[], [score = 0, one = 1, value = 0]: readonly number[]): readonly number[] {
    const [top = 0, total = 0, sum = 0] = parts;
    const f32 = (x: number): number => rounded('f32', x, this.round);
    const largest = Math.max(top, score);
    const [before, now] = [f32(Math.exp(top - largest)), f32(Math.exp(score - largest))];
    return [largest, f32(total * before + one * now), f32(sum * before + value * now)];
  }

  private store(stage: Extract<Stage, { kind: 'store' }>): void {
    const cache = new Map<Expr, number>();
    const target = this.buffer(stage.buffer);
    const position = this.position(target, stage.indices, cache);
    if (position === undefined) {
      if (stage.indices.some((index) => 'kind' in index)) return;
      throw new RangeError(`a write outside ${stage.buffer}`);
    }
    const value = this.value(stage.value, cache);
    const before = target.data[position] ?? 0;
    const combined = stage.combine === 'set' ? value : evaluateBinary(stage.combine, target.dtype, before, value);
    target.data[position] = rounded(target.dtype, combined, this.round);
  }

  // Row-major; undefined outside the buffer.
  private position(tensor: Tensor, indices: readonly Index[], cache: Map<Expr, number>): number | undefined {
    if (indices.length !== tensor.shape.length)
      throw new RangeError(`${indices.length} indices into rank ${tensor.shape.length}`);
    let position = 0;
    for (const [axis, index] of indices.entries()) {
      const i = 'kind' in index ? this.value(index.expr, cache) : this.dim(index);
      const extent = tensor.shape[axis] ?? 0;
      if (i < 0 || i >= extent) return undefined;
      position = position * extent + i;
    }
    return position;
  }

  // One value per expression and point, so that shared parts are computed once.
  private value(expr: Expr, cache: Map<Expr, number>): number {
    if (expr.kind === 'const') return rounded(expr.dtype, expr.value, this.round);
    const known = cache.get(expr);
    if (known !== undefined) return known;
    const exact = this.compute(expr, cache);
    const result = rounded(expr.dtype, exact, this.round);
    cache.set(expr, result);
    return result;
  }

  private compute(expr: Exclude<Expr, { kind: 'const' }>, cache: Map<Expr, number>): number {
    const of = (x: Expr): number => this.value(x, cache);
    switch (expr.kind) {
      case 'index':
        return evaluateCast('i32', expr.dtype, this.dim(expr.dim));
      case 'load':
        return this.load(expr.buffer, expr.indices, cache);
      case 'unary':
        return evaluateUnary(expr.op, expr.dtype, of(expr.x));
      case 'binary':
        return evaluateBinary(expr.op, expr.a.dtype, of(expr.a), of(expr.b));
      case 'select': {
        const [then, otherwise] = [of(expr.then), of(expr.otherwise)];
        return of(expr.cond) === 0 ? otherwise : then;
      }
      case 'cast':
        return evaluateCast(expr.x.dtype, expr.dtype, of(expr.x));
      case 'bitcast':
        return evaluateBitcast(expr.x.dtype, expr.dtype, of(expr.x));
      case 'guard':
        return of(expr.conditions.every((condition) => this.holds(condition)) ? expr.then : expr.otherwise);
      case 'threefry': {
        const [k, c] = [expr.key, expr.counter];
        return threefry2x32([of(k[0]), of(k[1])], [of(c[0]), of(c[1])])[expr.word];
      }
      case 'reduced':
        return this.part(expr.stage, expr.part);
    }
  }

  private load(buffer: string, indices: readonly Index[], cache: Map<Expr, number>): number {
    const tensor = this.buffer(buffer);
    const position = this.position(tensor, indices, cache);
    const value = position === undefined ? undefined : tensor.data[position];
    if (value === undefined) throw new RangeError(`a read outside ${buffer}`);
    return value;
  }

  private holds({ kind, lhs }: Condition): boolean {
    const value = this.dim(lhs);
    return kind === '>=0' ? value >= 0 : value === 0;
  }

  private part(stage: string, part: number): number {
    const inside = this.inside.get(stage);
    const value = (inside ? this.reduce(inside) : this.reduced.get(stage))?.[part];
    if (value === undefined) throw new RangeError(`part ${part} of ${stage} is read before it is reduced`);
    return value;
  }
}

const start = (monoid: Monoid, dtypes: readonly DType[], first: readonly number[]): readonly number[] =>
  monoid.arity === 1 ? [identity(monoid.name, dtypes[0] ?? 'f32')] : monoid.arity === 3 ? [lowest.f32, 0, 0] : first;

function emptyReduction(monoid: Monoid, dtype: DType, part: number): number {
  if (monoid.arity === 1) return identity(monoid.name, dtype);
  if (monoid.arity === 3) return part === 0 ? lowest.f32 : 0;
  if (part === 1) return 0;
  return monoid.name === 'argmax' ? lowest[dtype] : highest[dtype];
}
