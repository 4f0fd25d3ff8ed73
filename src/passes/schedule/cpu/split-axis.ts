// Divisions along lanes: where an index holds ⌊x / c⌋ or mod(x, c) of the last axis, as in gradients of pooling and in
// images made larger, x = c·y + d, with a copy of every stage for each d. Positions are linear in y then.
import { add, asConstant, floorDiv, mul, variable, variables, type Dim } from '../../../ir/dim.ts';
import type { Facts } from '../../../ir/dim-solver.ts';
import type { Index } from '../../../ir/expr.ts';
import { Rewriter } from '../../../ir/expr-rewrite.ts';
import type { Axis, Nest, Stage } from '../../../ir/nest.ts';
import { stageDims } from '../flatten.ts';
import { linearIn } from '../linear.ts';

// Copies of all stages: more would be too much code, and store too far apart.
const mostCopies = 4;

/** `nest` with its last axis split by what its positions are divided by, where that divides its extent. */
export function splitLastAxis(nest: Nest, facts: Facts): Nest {
  const axis = nest.axes.at(-1);
  const divisors = axis && nest.stages.every(isAtPoint) ? divisorsOf(nest.stages.flatMap(stageDims), axis.name) : [];
  const by = Math.max(...divisors);
  if (!axis || divisors.length === 0 || by > mostCopies || facts.divisible(axis.extent, by) !== 'proved') return nest;
  const steps: Axis = { name: axis.name, extent: floorDiv(axis.extent, by) };
  if ((asConstant(steps.extent) ?? 4) < 4) return nest;
  const ids = nest.stages.flatMap((stage) => (stage.kind === 'reduce' ? [stage.id] : []));
  const stages = nest.stages.flatMap((stage) =>
    Array.from({ length: by }, (_, d) => copyAt(stage, ids, axis.name, by, d)),
  );
  const isLinear = stages.flatMap(stageDims).every((dim) => linearIn(dim, axis.name) !== undefined);
  return isLinear ? { ...nest, axes: [...nest.axes.slice(0, -1), steps], stages } : nest;
}

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
