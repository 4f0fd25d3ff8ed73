// Nests with f16 → nests that compute in f32. Values are rounded where they are stored as f16 and where a cast
// asks for f16; in between, fused arithmetic keeps the digits of f32, as sums do.
import type { Expr } from '../ir/expr.ts';
import { walkExprs } from '../ir/expr-rewrite.ts';
import type { Buffer, Nest, NestFunction, NestModule, NestStep, Stage } from '../ir/nest.ts';
import { isHalf, Widening } from './halves/widening.ts';
import type { Pass } from './pass.ts';

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
    const widening = new Widening((buffer) => this.packed.has(buffer));
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

/** The pass that leaves nothing to compute in f16. */
export const halvesFor = (target: 'gpu' | 'cpu'): Pass<NestModule, NestModule> => ({
  name: `halves-${target}`,
  summary: 'compute f16 in f32, rounding what is stored',
  run: (module) => {
    const weights = packedWeights(module);
    return { ...module, functions: module.functions.map((fn) => widenFunction(fn, weights)) };
  },
});
