// The dims that expressions compute with: positions of loads, conditions, indices as values.
import { variables, type Dim } from '../../ir/dim.ts';
import type { Expr } from '../../ir/expr.ts';
import { walkExprs } from '../../ir/expr-rewrite.ts';

/** The dims that an expression itself computes with. */
export function dimsOf(expr: Expr): readonly Dim[] {
  if (expr.kind === 'index') return [expr.dim];
  if (expr.kind === 'guard') return expr.conditions.map((condition) => condition.lhs);
  return expr.kind === 'load' ? expr.indices.flatMap((index) => ('kind' in index ? [] : [index])) : [];
}

/** The dims that `root` is computed with. */
export function dimsIn(root: Expr): Dim[] {
  const dims: Dim[] = [];
  walkExprs([root], (e) => dims.push(...dimsOf(e)));
  return dims;
}

/** The variables of an expression: axes and dims. */
export function axesOf(root: Expr): Set<string> {
  const names = new Set<string>();
  for (const d of dimsIn(root)) variables(d, names);
  return names;
}
