// Rows whose elements lie several to a word: where an element is, and which bits of its word it has, repeats with every
// block of 16 or 32. Written out for each four lanes of a block, positions are linear and shifts are constant.
import { add, asConstant, dim, floorDiv, mul, variable, variables, type Dim } from '../../../ir/dim.ts';
import type { Facts } from '../../../ir/dim-solver.ts';
import type { Expr } from '../../../ir/expr.ts';
import { ExprPool, Rewriter } from '../../../ir/expr-rewrite.ts';
import type { Axis } from '../../../ir/nest.ts';
import { simplifierWithin } from '../../fusion/merge.ts';
import type { ReduceStage } from '../flatten.ts';
import { linearIn } from '../linear.ts';
import { dimsIn } from '../expr-dims.ts';

/** The axis that counts blocks, and that of four lanes. */
export const blockName = '%block';
export const laneName = '%lane';

/** A product of factors along an axis of whole blocks: `fours` times what is `shared`. */
export interface Blocks {
  /** Elements of a block, and how many blocks there are. */
  readonly size: number;
  readonly count: Dim;
  /** Factors of the elements of a block, four lanes each. */
  readonly fours: readonly Expr[];
  /** Factors that all elements of a block have in common. */
  readonly shared: readonly Expr[];
}

const sizes = [32, 16];

const factorsOf = (e: Expr): Expr[] =>
  e.kind === 'binary' && e.op === 'mul' ? [...factorsOf(e.a), ...factorsOf(e.b)] : [e];

const product = (factors: readonly Expr[]): Expr =>
  factors.reduce((a, b) => ({ kind: 'binary', dtype: 'f32', op: 'mul', a, b }));

const moves = (d: Dim): boolean => variables(d).has(laneName);

// Four lanes of a block: whatever moves along them moves by one.
const isLinear = (d: Dim): boolean => {
  const linear = linearIn(d, laneName);
  const stride = linear && asConstant(linear.coefficient);
  return stride === 0 || stride === 1;
};

/** The blocks of a sum along its innermost axis, where it has some. */
export function blocksOf({ axes, args, monoid, dtypes }: ReduceStage, facts: Facts): Blocks | undefined {
  const [arg] = args;
  const inner = axes.at(-1);
  return inner && arg && monoid.name === 'sum' && dtypes[0] === 'f32' ? blocksAlong(arg, inner, facts) : undefined;
}

/** The blocks of `e` along an axis, where positions are taken apart by division. */
export function blocksAlong(e: Expr, axis: Axis, facts: Facts): Blocks | undefined {
  if (!dimsIn(e).some((d) => variables(d).has(axis.name) && !linearIn(d, axis.name))) return undefined;
  for (const size of sizes) {
    const blocks = facts.divisible(axis.extent, size) === 'proved' ? inBlocks(e, axis, size, facts) : undefined;
    if (blocks) return blocks;
  }
  return undefined;
}

/** `arg` in blocks of `size` along an axis that has whole ones; undefined where four lanes are not neighbours. */
export function inBlocks(arg: Expr, inner: Axis, size: number, facts: Facts): Blocks | undefined {
  const count = floorDiv(inner.extent, size);
  const axes = [
    { name: blockName, extent: count },
    { name: laneName, extent: dim(4) },
  ];
  const simplify = simplifierWithin(facts, axes);
  const pool = new ExprPool();
  const fours = Array.from({ length: size / 4 }, (_, four) => {
    const position = add(add(mul(variable(blockName), size), 4 * four), variable(laneName));
    const rewriter = new Rewriter({ axes: new Map([[inner.name, position]]), simplify });
    return factorsOf(arg).map((factor) => pool.intern(rewriter.expr(factor)));
  });
  if (!fours.flat().every((factor) => dimsIn(factor).every(isLinear))) return undefined;
  const [first = []] = fours;
  const isShared = (factor: Expr, at: number): boolean =>
    fours.every((factors) => factors[at] === factor) && !dimsIn(factor).some(moves);
  const shared = first.filter(isShared);
  const own = fours.map((factors) => factors.filter((_, at) => !isShared(first[at] ?? arg, at)));
  return own.some(({ length }) => length === 0) ? undefined : { size, count, fours: own.map(product), shared };
}
