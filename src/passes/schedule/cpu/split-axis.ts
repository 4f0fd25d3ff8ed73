// Divisions along lanes: where an index holds ⌊x / c⌋ or mod(x, c) of the last axis, as in gradients of pooling and in
// images made larger, x = c·y + d, with a copy of every stage for each d. Positions are linear in y then.
import { add, asConstant, floorDiv, mul, variable, variables, zero, type Dim } from '../../../ir/dim.ts';
import type { Facts } from '../../../ir/dim-solver.ts';
import type { Expr, Index } from '../../../ir/expr.ts';
import { Rewriter, walkExprs, weight } from '../../../ir/expr-rewrite.ts';
import type { Axis, Nest, Stage } from '../../../ir/nest.ts';
import { mapStage, stageDims } from '../flatten.ts';
import { linearIn } from '../linear.ts';

// Copies of all stages: more would be too much code, and store too far apart.
const mostCopies = 4;

/** Positions from ≤ x < to of the last axis, and what is done at each. */
export interface Rest {
  readonly from: Dim;
  readonly to: Dim;
  readonly stages: readonly Stage[];
}

/** A nest over whole steps of its last axis, and the positions after the last step. */
export interface Split {
  readonly nest: Nest;
  readonly rest?: Rest;
}

/** `nest` with its last axis split by what its positions are divided by, where lanes move linearly then. */
export function splitLastAxis(nest: Nest, facts: Facts): Split {
  const axis = nest.axes.at(-1);
  const divisors = axis && nest.stages.every(isAtPoint) ? divisorsOf(nest.stages.flatMap(stageDims), axis.name) : [];
  const by = Math.max(...divisors);
  if (!axis || divisors.length === 0 || by > mostCopies) return { nest };
  if (nest.stages.some(isMuchCode) && facts.divisible(axis.extent, 4 * by) !== 'proved') return { nest };
  const isWhole = facts.divisible(axis.extent, by) === 'proved';
  const steps: Axis = { name: axis.name, extent: floorDiv(axis.extent, by) };
  // Threads share the first axis.
  if ((asConstant(steps.extent) ?? 4) < 4 || (!isWhole && nest.axes.length === 1)) return { nest };
  const axes = [...nest.axes.slice(0, -1), steps];
  const within = facts.withAxes([...axes, ...nest.stages.flatMap((stage) => stage.axes)]);
  const ids = nest.stages.flatMap((stage) => (stage.kind === 'reduce' ? [stage.id] : []));
  const stages = nest.stages.flatMap((stage) =>
    Array.from({ length: by }, (_, d) => withoutProved(copyAt(stage, ids, axis.name, by, d), within)),
  );
  if (stages.flatMap(stageDims).some((dim) => linearIn(dim, axis.name) === undefined)) return { nest };
  const split = { ...nest, axes, stages };
  if (isWhole) return { nest: split };
  return { nest: split, rest: { from: mul(steps.extent, by), to: axis.extent, stages: nest.stages } };
}

// Random numbers: not worth another copy for what is left.
const isMuchCode = (stage: Stage): boolean => stage.kind === 'store' && weight(stage.value) >= 80;

// Every element is stored for itself, by the point of the nest that it belongs to.
const isAtPoint = (stage: Stage): boolean =>
  stage.kind === 'reduce' ||
  (stage.combine === 'set' && stage.axes.length === 0 && stage.indices.every((index) => !('kind' in index)));

/** The constants that dims which move along `axis` are divided by. */
const divisorsOf = (dims: readonly Dim[], axis: string): number[] =>
  dims.flatMap((dim) =>
    dim.terms.flatMap(({ factors }) =>
      factors.flatMap((atom) => {
        if (atom.kind === 'var' || !(variables(atom.a).has(axis) || variables(atom.b).has(axis))) return [];
        const isDivision = atom.kind === 'floor_div' || atom.kind === 'mod';
        return [(isDivision ? asConstant(atom.b) : undefined) ?? Infinity];
      }),
    ),
  );

function copyAt(stage: Stage, ids: readonly string[], axis: string, by: number, d: number): Stage {
  const named = (id: string): string => `${id}.${d}`;
  const rewriter = new Rewriter({
    axes: new Map<string, Index>([[axis, add(mul(variable(axis), by), d)]]),
    stages: new Map(ids.map((id) => [id, named(id)])),
  });
  if (stage.kind === 'reduce') return { ...stage, id: named(stage.id), args: stage.args.map((e) => rewriter.expr(e)) };
  return { ...stage, indices: stage.indices.map((i) => rewriter.index(i)), value: rewriter.expr(stage.value) };
}

// Windows of whole steps are inside more often than those of all positions.
function withoutProved(stage: Stage, facts: Facts): Stage {
  const nodes = new Map<Expr, Expr>();
  walkExprs(stage.kind === 'reduce' ? stage.args : [stage.value], (e) => {
    if (e.kind !== 'guard') return;
    const open = e.conditions.filter(({ kind, lhs }) => kind !== '>=0' || facts.lessEqual(zero, lhs) !== 'proved');
    if (open.length < e.conditions.length) nodes.set(e, open.length === 0 ? e.then : { ...e, conditions: open });
  });
  return nodes.size === 0 ? stage : mapStage(stage, { nodes });
}
