// Values of a row that a reduction and the row's store both compute: where they take much work they are stored
// first, in the place of the result, and read back from cache. exp(x − max) of a softmax is computed once, and the
// elements of its row are multiplied by the reciprocal of their sum.
import { sameDim, variable } from '../../../ir/dim.ts';
import type { Expr, Index } from '../../../ir/expr.ts';
import { ExprPool, loadsIn, Rewriter, walkExprs, weight } from '../../../ir/expr-rewrite.ts';
import type { Nest, Stage } from '../../../ir/nest.ts';

type Store = Extract<Stage, { kind: 'store' }>;
type Reduce = Extract<Stage, { kind: 'reduce' }>;

/** Less work than this is done again. */
const worthKeeping = 12;

/** What takes the places of a reduction and of the store at the end. */
interface Kept {
  readonly first: Store;
  readonly reduce: Reduce;
  readonly store: Store;
}

/** `nest` with the costly value that a reduction and its store share computed once; `isF32` tells of a buffer. */
export function keepRowValues(nest: Nest, isF32: (buffer: string) => boolean): Nest {
  const store = nest.stages.at(-1);
  if (store?.kind !== 'store' || !mayHold(store, nest) || !isF32(store.buffer)) return nest;
  for (const [at, stage] of nest.stages.entries()) {
    const kept = stage.kind === 'reduce' ? keep(stage, store) : undefined;
    if (!kept) continue;
    const { first, reduce } = kept;
    return {
      ...nest,
      stages: [...nest.stages.slice(0, at), first, reduce, ...nest.stages.slice(at + 1, -1), kept.store],
    };
  }
  return nest;
}

// A store of whole rows, each element by itself, into memory that the nest does not use otherwise.
const mayHold = ({ axes, combine, indices, buffer }: Store, nest: Nest): boolean =>
  axes.length === 1 &&
  combine === 'set' &&
  indices.every((index) => !('kind' in index)) &&
  nest.stages.every((stage) =>
    stage.kind === 'store'
      ? stage.combine === 'set' && loadsIn([stage.value]).every((load) => load.buffer !== buffer)
      : loadsIn(stage.args).every((load) => load.buffer !== buffer),
  ) &&
  nest.stages.filter((stage) => stage.kind === 'store' && stage.buffer === buffer).length === 1;

function keep(reduce: Reduce, store: Store): Kept | undefined {
  const [own, ...more] = reduce.axes;
  const [axis] = store.axes;
  if (!own || !axis || more.length > 0 || !sameDim(own.extent, axis.extent)) return undefined;
  const pool = new ExprPool();
  const value = pool.intern(store.value);
  const along = new Rewriter({ axes: new Map<string, Index>([[own.name, variable(axis.name)]]) });
  const args = reduce.args.map((arg) => pool.intern(along.expr(arg)));
  const shared = heaviest(value, args);
  if (!shared) return undefined;
  const load: Expr = { kind: 'load', dtype: 'f32', buffer: store.buffer, indices: store.indices };
  const reading = new Rewriter({ nodes: new Map([[shared, load]]) });
  const sum = sumOfExponentials(reduce, args, shared);
  return {
    first: { ...store, value: shared },
    reduce: { ...reduce, axes: [axis], args: args.map((arg) => reading.expr(arg)) },
    store: { ...store, value: reading.expr(sum ? dividedOnce(value, sum) : value) },
  };
}

// The result of `reduce` as it is read, where it sums `shared`, which is eˣ: 0 or a normal number, as each eˣ is.
function sumOfExponentials({ monoid, id }: Reduce, args: readonly Expr[], shared: Expr): string | undefined {
  const isExponential = shared.kind === 'unary' && shared.op === 'exp' && args[0] === shared;
  return isExponential && monoid.name === 'sum' ? id : undefined;
}

// x / sum as x · (1 / sum): one division a row. The reciprocal of a normal number does not overflow.
function dividedOnce(value: Expr, sum: string): Expr {
  if (value.kind !== 'binary' || value.op !== 'div') return value;
  const { a, b } = value;
  if (b.kind !== 'reduced' || b.stage !== sum) return value;
  return { ...value, op: 'mul', a, b: { kind: 'unary', dtype: b.dtype, op: 'recip', x: b } };
}

/** The node of most work that occurs in `value` and in one of `args`. */
function heaviest(value: Expr, args: readonly Expr[]): Expr | undefined {
  const among = new Set<Expr>();
  walkExprs(args, (e) => among.add(e));
  let [best, most]: [Expr | undefined, number] = [undefined, worthKeeping - 1];
  walkExprs([value], (e) => {
    const work = among.has(e) && e.dtype === 'f32' ? weight(e) : 0;
    if (work > most) [best, most] = [e, work];
  });
  return best;
}
