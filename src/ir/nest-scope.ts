// Reductions inside of others: which axes of later stages the args of a reduction name.
import { variables } from './dim.ts';
import { Rewriter } from './expr-rewrite.ts';
import type { Axis, Nest } from './nest.ts';

/** Axes of later stages at whose points each reduction is done anew, by its id; most reductions have none. */
export function outerAxes(nest: Nest): ReadonlyMap<string, readonly Axis[]> {
  const found = new Map<string, readonly Axis[]>();
  nest.stages.forEach((stage, at) => {
    const later = nest.stages.slice(at + 1).flatMap(({ axes }) => axes);
    if (stage.kind !== 'reduce' || later.length === 0) return;
    const named = new Set<string>();
    // A rewrite that changes nothing sees every dim.
    const rewriter = new Rewriter({ simplify: (d) => (variables(d, named), d) });
    for (const arg of stage.args) rewriter.expr(arg);
    const axes = later.filter(({ name }) => named.has(name) && !stage.axes.some((own) => own.name === name));
    if (axes.length > 0) found.set(stage.id, axes);
  });
  return found;
}
