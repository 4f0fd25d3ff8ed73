// Nests with f16 → nests that compute in f32. Values are rounded where they are stored as f16 and where a cast
// asks for f16; in between, fused arithmetic keeps the digits of f32, as sums do.
import type { Expr, Index } from '../ir/expr.ts';
import { nearestHalf } from '../ir/half.ts';
import { operands, walkExprs } from '../ir/expr-rewrite.ts';
import type { Buffer, Nest, NestFunction, NestModule, NestStep, Stage } from '../ir/nest.ts';
import { roundedToHalf } from './halves/rounding.ts';
import type { Pass } from './pass.ts';

const isHalf = (x: { readonly dtype: Expr['dtype'] }): boolean => x.dtype === 'f16';

const rootsOf = (stage: Stage): readonly Expr[] => (stage.kind === 'reduce' ? stage.args : [stage.value]);

function nestHasHalves(nest: Nest): boolean {
  let found = false;
  walkExprs(nest.stages.flatMap(rootsOf), (e) => {
    found ||= isHalf(e);
  });
  return found;
}

const hasHalves = (step: NestStep): boolean =>
  step.kind === 'loop' ? step.body.some(hasHalves) : step.kind === 'nest' && nestHasHalves(step);

/** Rewrites the expressions of one nest; shared nodes stay shared. */
class Widening {
  private readonly memo = new Map<Expr, Expr>();

  constructor(private readonly packed: ReadonlySet<string>) {}

  /** `e` with f32 in the place of f16. */
  wide(e: Expr): Expr {
    const known = this.memo.get(e);
    if (known) return known;
    const result = this.rebuild(e);
    this.memo.set(e, result);
    return result;
  }

  index(index: Index): Index {
    return 'kind' in index ? { kind: 'dynamic', expr: this.wide(index.expr) } : index;
  }

  /** What is stored for a value of dtype f16. */
  rounded(e: Expr): Expr {
    return isExact(e) ? this.wide(e) : roundedToHalf(this.wide(e));
  }

  private rebuild(e: Expr): Expr {
    const dtype = isHalf(e) ? 'f32' : e.dtype;
    switch (e.kind) {
      case 'const':
        return isHalf(e) ? { kind: 'const', dtype: 'f32', value: nearestHalf(e.value) } : e;
      case 'index':
        return e;
      case 'reduced':
        return { ...e, dtype };
      case 'load': {
        const indices = e.indices.map((index) => this.index(index));
        if (!this.packed.has(e.buffer)) return { ...e, dtype, indices };
        return { kind: 'cast', dtype: 'f32', x: { ...e, indices } };
      }
      case 'cast':
      case 'bitcast':
        return this.cast(e);
      case 'unary':
        return { ...e, dtype, x: this.wide(e.x) };
      case 'binary':
        return { ...e, dtype, a: this.wide(e.a), b: this.wide(e.b) };
      case 'select':
        return { ...e, dtype, cond: this.wide(e.cond), then: this.wide(e.then), otherwise: this.wide(e.otherwise) };
      case 'guard':
        return { ...e, dtype, then: this.wide(e.then), otherwise: this.wide(e.otherwise) };
      case 'threefry':
        return {
          ...e,
          key: [this.wide(e.key[0]), this.wide(e.key[1])],
          counter: [this.wide(e.counter[0]), this.wide(e.counter[1])],
        };
    }
  }

  private cast(e: Extract<Expr, { kind: 'cast' | 'bitcast' }>): Expr {
    const x = this.wide(e.x);
    if (e.kind === 'bitcast') return { ...e, x };
    const to = isHalf(e) ? 'f32' : e.dtype;
    const wide: Expr = x.dtype === to ? x : { kind: 'cast', dtype: to, x };
    return isHalf(e) && !isHalf(e.x) && e.x.dtype !== 'bool' ? roundedToHalf(wide) : wide;
  }
}

const exactOps = new Set(['neg', 'abs', 'sign', 'min', 'max', 'floor', 'ceil', 'round']);

/** True where the f32 that stands for an f16 value is an f16 without rounding. */
function isExact(e: Expr): boolean {
  if (e.kind === 'const' || e.kind === 'load' || e.kind === 'cast' || e.kind === 'bitcast') return isHalf(e);
  if (e.kind === 'select' || e.kind === 'guard') return isExact(e.then) && isExact(e.otherwise);
  return (e.kind === 'unary' || e.kind === 'binary') && exactOps.has(e.op) && operands(e).every(isExact);
}

/** How one function keeps its f16 buffers. */
class FunctionWidening {
  private readonly halves: ReadonlySet<string>;

  constructor(
    private readonly fn: NestFunction,
    private readonly packed: ReadonlySet<string>,
  ) {
    this.halves = new Set(fn.buffers.filter(({ type }) => isHalf(type)).map(({ id }) => id));
  }

  run(): NestFunction {
    const { fn } = this;
    return { ...fn, buffers: fn.buffers.map((b) => this.buffer(b)), body: fn.body.map((step) => this.step(step)) };
  }

  private buffer(buffer: Buffer): Buffer {
    if (!isHalf(buffer.type) || this.packed.has(buffer.id)) return buffer;
    return { ...buffer, type: { ...buffer.type, dtype: 'f32' } };
  }

  private step(step: NestStep): NestStep {
    if (step.kind === 'loop') return { ...step, body: step.body.map((inner) => this.step(inner)) };
    if (step.kind === 'opaque') return step;
    const widening = new Widening(this.packed);
    return { ...step, stages: step.stages.map((stage) => this.stage(stage, widening)) };
  }

  private stage(stage: Stage, widening: Widening): Stage {
    if (stage.kind === 'reduce') {
      const dtypes = stage.dtypes.map((dtype) => (dtype === 'f16' ? 'f32' : dtype));
      return { ...stage, dtypes, args: stage.args.map((arg) => widening.wide(arg)) };
    }
    const indices = stage.indices.map((index) => widening.index(index));
    const value = this.stored(stage, widening);
    return { ...stage, indices, value };
  }

  // A scatter adds up in f32.
  private stored(stage: Extract<Stage, { kind: 'store' }>, widening: Widening): Expr {
    if (!this.halves.has(stage.buffer) || stage.combine !== 'set') return widening.wide(stage.value);
    const value = widening.rounded(stage.value);
    return this.packed.has(stage.buffer) ? { kind: 'cast', dtype: 'f16', x: value } : value;
  }
}

type Border = NestFunction['inputs'][number] | NestFunction['results'][number];

/** Buffers of f16 that may lie as 16 bits: what is scattered to stays f32, as do inputs and results, but for some. */
function packable(fn: NestFunction, isPacked: (of: Border) => boolean): ReadonlySet<string> {
  const open = new Set(fn.buffers.filter(({ type }) => isHalf(type)).map(({ id }) => id));
  for (const border of [...fn.inputs, ...fn.results]) if (!isPacked(border)) open.delete(border.buffer);
  const visit = (step: NestStep): void => {
    if (step.kind === 'loop') step.body.forEach(visit);
    else if (step.kind === 'opaque') for (const id of [...step.reads, ...step.writes]) open.delete(id);
    else
      for (const stage of step.stages)
        if (stage.kind === 'store' && (stage.combine !== 'set' || stage.indices.some((index) => 'kind' in index)))
          open.delete(stage.buffer);
  };
  fn.body.forEach(visit);
  return open;
}

const isStored = ({ role }: Border): boolean => role !== 'argument' && role !== 'output';
const isWeight = ({ role }: Border): boolean => role === 'param' || role === 'update';

/**
 * Paths of weights that lie as 16 bits between calls: every function that has them reads f16, and only the one that
 * draws them writes them. Functions of trains call the weights of several models by longer paths.
 */
function packedWeights({ functions }: NestModule): ReadonlySet<string> {
  const [open, closed] = [new Set<string>(), new Set<string>()];
  for (const fn of functions) {
    const packed = packable(fn, isWeight);
    for (const border of [...fn.inputs, ...fn.results].filter(isStored)) {
      const isRead = fn.kind === 'entry' && border.role === 'param';
      const isOpen = packed.has(border.buffer) && (isRead || fn.kind === 'init');
      const parts = border.name.split('.');
      if (isOpen) open.add(border.name);
      else parts.forEach((_, at) => closed.add(parts.slice(at).join('.')));
    }
  }
  return new Set([...open].filter((path) => !closed.has(path)));
}

function widenFunction(fn: NestFunction, weights: ReadonlySet<string>): NestFunction {
  if (!fn.buffers.some(({ type }) => isHalf(type)) && !fn.body.some(hasHalves)) return fn;
  return new FunctionWidening(
    fn,
    packable(fn, (border) => isWeight(border) && weights.has(border.name)),
  ).run();
}

export const halves: Pass<NestModule, NestModule> = {
  name: 'halves',
  summary: 'compute f16 in f32, rounding what is stored',
  run: (module) => {
    const weights = packedWeights(module);
    return { ...module, functions: module.functions.map((fn) => widenFunction(fn, weights)) };
  },
};
