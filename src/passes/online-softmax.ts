// Nest → nest: a product whose rows go through softmax and then into a second product (attention, with any
// mask or bias) becomes one nest. Its softmax is a reduction that carries the largest score so far and rescales what it
// has when a larger one comes, so that scores and weights never lie in memory.
import { asConstant, asVariable, variable, type Dim } from '../ir/dim.ts';
import { Facts } from '../ir/dim-solver.ts';
import { ExprPool, loadsIn, NotAffine, Rewriter, walkExprs, type Load, type Replacement } from '../ir/expr-rewrite.ts';
import type { Expr, Index } from '../ir/expr.ts';
import type { Axis, Nest, NestFunction, NestModule, NestStep, Stage } from '../ir/nest.ts';
import { joinNames, rewriteStage } from './fusion/merge.ts';
import { bindingCount, loadsOf, readsOf, writesOf } from './fusion/nest-graph.ts';
import type { TargetProgram } from '../ir/plan.ts';
import type { Pass, PassContext } from './pass.ts';
import { flattenNest, type ReduceStage, type StoreStage } from './schedule/flatten.ts';
import { asAttention as asAttentionOnCpu } from './schedule/cpu/attention.ts';
import { asAttention as asAttentionOnGpu } from './schedule/gpu/attention.ts';
import { maxStorageBindings, Surroundings } from './schedule/gpu/writer.ts';

type Target = TargetProgram['target'];

/** A nest that stores the softmax of rows of scores. */
interface Softmax {
  readonly nest: Nest;
  readonly store: StoreStage;
  /** The axis of its rows, and the score at a point of it. */
  readonly axis: Axis;
  readonly score: Expr;
}

const isBinary = (e: Expr | undefined, op: string): e is Extract<Expr, { kind: 'binary' }> =>
  e?.kind === 'binary' && e.op === op;

const isResult = (e: Expr, { id }: ReduceStage): boolean => e.kind === 'reduced' && e.stage === id;

/** e^(x − max): the x. */
function powerOf(e: Expr | undefined, max: ReduceStage): Expr | undefined {
  if (e?.kind !== 'unary' || e.op !== 'exp' || !isBinary(e.x, 'sub') || !isResult(e.x.b, max)) return undefined;
  return e.x.a;
}

/** The softmax that a nest is: e^(x − max x) / Σ e^(x − max x), and nothing else. */
function asSoftmax(nest: Nest): Softmax | undefined {
  const [max, sum, store, ...more] = nest.stages;
  if (max?.kind !== 'reduce' || sum?.kind !== 'reduce' || store?.kind !== 'store' || more.length > 0) return undefined;
  if (max.monoid.name !== 'max' || sum.monoid.name !== 'sum' || store.combine !== 'set') return undefined;
  const [axis] = store.axes;
  if (!axis || [max, sum, store].some(({ axes }) => axes.length !== 1 || axes[0]?.extent.key !== axis.extent.key))
    return undefined;
  if (!isBinary(store.value, 'div') || !isResult(store.value.b, sum)) return undefined;
  const score = powerOf(store.value.a, max);
  if (!score || score.dtype !== 'f32') return undefined;
  const pool = new ExprPool();
  const own = pool.intern(score);
  const isSame = (e: Expr | undefined, from: Axis | undefined): boolean =>
    e !== undefined &&
    from !== undefined &&
    pool.intern(new Rewriter({ axes: new Map([[from.name, variable(axis.name)]]) }).expr(e)) === own;
  if (!isSame(max.args[0], max.axes[0]) || !isSame(powerOf(sum.args[0], max), sum.axes[0])) return undefined;
  return { nest, store, axis, score };
}

/** Where `from` is each of `to`, an axis for each of its axes; undefined where they are no plain axes. */
function axesAt(from: readonly Index[], to: readonly Index[]): Map<string, Dim> | undefined {
  const axes = new Map<string, Dim>();
  for (const [at, index] of from.entries()) {
    const target = to[at];
    if (!target || 'kind' in index || 'kind' in target) return undefined;
    const name = asVariable(index);
    if (name === undefined && (asConstant(index) === undefined || index.key !== target.key)) return undefined;
    if (name === undefined) continue;
    if (axes.has(name)) return undefined;
    axes.set(name, target);
  }
  return axes;
}

// The places at which a nest reads a buffer are one.
function onlyLoad(loads: readonly Load[], buffer: string): Load | undefined {
  const own = loads.filter((load) => load.buffer === buffer);
  const places = new Set(own.map(({ indices }) => indices.map((i) => ('kind' in i ? '?' : i.key)).join()));
  return places.size === 1 ? own[0] : undefined;
}

const stagesOf = (nest: Nest): { readonly sum: ReduceStage; readonly stores: readonly StoreStage[] } | undefined => {
  const [sum, ...stores] = nest.stages;
  if (sum?.kind !== 'reduce' || sum.monoid.name !== 'sum' || sum.dtypes[0] !== 'f32') return undefined;
  const plain = stores.filter((stage): stage is StoreStage => stage.kind === 'store' && stage.axes.length === 0);
  return plain.length === stores.length && plain.length > 0 && isBinary(sum.args[0], 'mul')
    ? { sum, stores: plain }
    : undefined;
};

// New names for the axes of one part, and what else stands in for its expressions.
const moved = (axes: ReadonlyMap<string, Dim>, more: Replacement = {}): Rewriter => new Rewriter({ axes, ...more });

/** Attention as one nest, of a product, the softmax of its rows and a product with that. */
function attentionOf(first: Nest, softmax: Softmax, second: Nest): Nest | undefined {
  const [before, after] = [stagesOf(first), stagesOf(second)];
  const [stored] = before?.stores ?? [];
  const weights = onlyLoad(loadsOf(second), softmax.store.buffer);
  const seen = stored && onlyLoad(loadsIn([softmax.score]), stored.buffer);
  const product = after?.sum.args[0];
  if (!before || !after || !stored || !seen || !weights || before.stores.length > 1) return undefined;
  if (!isBinary(product, 'mul') || after.sum.axes.length !== 1) return undefined;
  const [scoreAxes, weightAxes] = [
    axesAt(stored.indices, seen.indices),
    axesAt(weights.indices, softmax.store.indices),
  ];
  if (!scoreAxes || !weightAxes) return undefined;
  const [key] = after.sum.axes;
  if (!key || asVariable(weightAxes.get(key.name) ?? key.extent) !== softmax.axis.name) return undefined;
  const value = product.a === weights ? product.b : product.b === weights ? product.a : undefined;
  const columns = second.axes.filter(({ name }) => !weightAxes.has(name));
  const depth = before.sum.axes.map(({ extent }, at): Axis => ({ name: `%depth${at}`, extent }));
  const [column] = columns;
  if (!value || !column || columns.length !== 1 || first.axes.some(({ name }) => !scoreAxes.has(name)))
    return undefined;
  const ownColumn: Axis = { name: '%column', extent: column.extent };
  before.sum.axes.forEach(({ name }, at) => scoreAxes.set(name, variable(depth[at]?.name ?? name)));
  weightAxes.set(column.name, variable(ownColumn.name));
  const inFirst = moved(scoreAxes, { stages: new Map([[before.sum.id, 'score']]) });
  const score = inFirst.expr(stored.value);
  const result = (part: number): Expr => ({ kind: 'reduced', dtype: 'f32', stage: 'mean', part });
  const mean: Expr = { kind: 'binary', dtype: 'f32', op: 'div', a: result(2), b: result(1) };
  const nodes = new Map<Expr, Expr>();
  walkExprs(
    after.stores.map((store) => store.value),
    (e) => isResult(e, after.sum) && nodes.set(e, mean),
  );
  const inSecond = moved(weightAxes, { nodes });
  const stages: Stage[] = [
    { ...before.sum, id: 'score', axes: depth, args: before.sum.args.map((arg) => inFirst.expr(arg)) },
    {
      kind: 'reduce',
      id: 'mean',
      axes: [softmax.axis],
      monoid: { name: 'softmax', arity: 3 },
      args: [
        moved(new Map(), { load: (load) => (load.buffer === stored.buffer ? score : undefined) }).expr(softmax.score),
        { kind: 'const', dtype: 'f32', value: 1 },
        inSecond.expr(value),
      ],
      dtypes: ['f32', 'f32', 'f32'],
    },
    ...after.stores.map((store) => rewriteStage(store, [], inSecond)),
  ];
  return {
    ...second,
    name: joinNames(joinNames(first.name, softmax.nest.name), second.name),
    axes: [...softmax.nest.axes, ownColumn],
    stages,
    origin: [...first.origin, ...softmax.nest.origin, ...second.origin],
  };
}

// How many steps write and read each buffer; inputs and results are used outside too.
function usesOf({ inputs, results, body }: NestFunction): Map<string, number> {
  const uses = new Map<string, number>();
  const use = (buffer: string): void => void uses.set(buffer, (uses.get(buffer) ?? 0) + 1);
  const count = (steps: readonly NestStep[]): void => {
    for (const step of steps) {
      if (step.kind === 'loop') count(step.body);
      else for (const buffer of [...readsOf(step), ...writesOf(step)]) use(buffer);
    }
  };
  count(body);
  for (const { buffer } of [...inputs, ...results]) uses.set(buffer, Infinity);
  return uses;
}

/** Puts attention in the place of its parts. */
class Attention {
  private uses: ReadonlyMap<string, number> | undefined;
  private known: Surroundings | undefined;
  readonly gone = new Set<string>();

  constructor(
    private readonly fn: NestFunction,
    private readonly target: Target,
    private readonly cx: PassContext,
  ) {}

  private get surroundings(): Surroundings {
    return (this.known ??= new Surroundings(this.fn, new Facts(this.fn.dims, this.fn.facts)));
  }

  steps(steps: readonly NestStep[]): NestStep[] {
    let result = steps.map((step): NestStep =>
      step.kind === 'loop' ? { ...step, body: this.steps(step.body) } : step,
    );
    for (const step of result) {
      const softmax = step.kind === 'nest' ? asSoftmax(step) : undefined;
      const joined = softmax && this.join(result, softmax);
      if (joined) result = joined;
    }
    return result;
  }

  // What one step writes and one reads, and nobody else.
  private isBetween(buffer: string): boolean {
    this.uses ??= usesOf(this.fn);
    return this.uses.get(buffer) === 2;
  }

  private join(steps: readonly NestStep[], softmax: Softmax): NestStep[] | undefined {
    const [weights] = writesOf(softmax.nest);
    const middle = steps.indexOf(softmax.nest);
    const end = steps.findIndex((step, at) => at > middle && readsOf(step).some((buffer) => buffer === weights));
    const second = steps[end];
    if (weights === undefined || !this.isBetween(weights) || second?.kind !== 'nest') return undefined;
    for (const scores of readsOf(softmax.nest).filter((buffer) => this.isBetween(buffer))) {
      const start = steps.findIndex((step, at) => at < middle && writesOf(step).includes(scores));
      const first = steps[start];
      const between = steps.slice(start + 1, end).filter((step) => step !== softmax.nest);
      if (first?.kind !== 'nest' || this.overwrites(between, [first, softmax.nest])) continue;
      const attention = this.fused(first, softmax, second);
      if (!attention) continue;
      this.cx.count('online-softmax');
      this.gone.add(scores).add(weights);
      return steps.flatMap((step) =>
        step === second ? [attention] : step === first || step === softmax.nest ? [] : [step],
      );
    }
    return undefined;
  }

  // Whether something between changes what the parts read before.
  private overwrites(between: readonly NestStep[], parts: readonly Nest[]): boolean {
    const read = new Set(parts.flatMap(readsOf));
    return between.flatMap(writesOf).some((buffer) => read.has(buffer));
  }

  private hasSchedule(nest: Nest): boolean {
    const flat = flattenNest(nest, this.fn);
    if (this.target === 'cpu') return asAttentionOnCpu(flat) !== undefined;
    const bindings = bindingCount(nest, (buffer) => this.surroundings.scalars.has(buffer));
    return bindings <= maxStorageBindings && asAttentionOnGpu(flat, this.surroundings) !== undefined;
  }

  private fused(first: Nest, softmax: Softmax, second: Nest): Nest | undefined {
    try {
      const nest = attentionOf(first, softmax, second);
      return nest && this.hasSchedule(nest) ? nest : undefined;
    } catch (error) {
      if (!(error instanceof NotAffine)) throw error;
      return undefined;
    }
  }
}

function joinFunction(fn: NestFunction, target: Target, cx: PassContext): NestFunction {
  const attention = new Attention(fn, target, cx);
  const body = attention.steps(fn.body);
  if (attention.gone.size === 0) return fn;
  return { ...fn, body, buffers: fn.buffers.filter(({ id }) => !attention.gone.has(id)) };
}

/** The pass that makes attention one nest where the schedules of `target` compute it at once. */
export const onlineSoftmaxFor = (target: Target): Pass<NestModule, NestModule> => ({
  name: `online-softmax-${target}`,
  summary: 'scores, their softmax and the product with values become one nest',
  run: (module, cx) => ({ ...module, functions: module.functions.map((fn) => joinFunction(fn, target, cx)) }),
});
