// Solves equations over dims for unknown variables, one linear unknown at a time: how shapes of
// arguments bind dims, and how `_` in a constructor is found.
import {
  asConstant,
  divideExactly,
  floorDiv,
  constant,
  fromTerms,
  negate,
  sub,
  substitute,
  variables,
  type Dim,
  type DimLike,
} from './dim.ts';
import { splitLinear } from './dim-bounds.ts';
import { Facts } from './dim-solver.ts';

/** What {@link solve} found. */
export interface Solution {
  /** Unknown -> its value, free of unknowns that were found. */
  readonly bindings: ReadonlyMap<string, Dim>;
  /** Equations that are left after substitution: not linear, or with several unknowns. */
  readonly unsolved: readonly (readonly [Dim, Dim])[];
  /** The equations that cannot hold, as they stand after substitution. */
  readonly refuted: readonly (readonly [Dim, Dim])[];
}

/** Solves `equations` for `unknowns` wherever one of them stands alone and linear. */
export function solve(
  equations: readonly (readonly [DimLike, DimLike])[],
  unknowns: ReadonlySet<string>,
  facts: Facts = new Facts(),
): Solution {
  const bindings = new Map<string, Dim>();
  const replace = (name: string): Dim | undefined => bindings.get(name);
  let open = equations.map(([a, b]) => sub(a, b));
  for (let progress = true; progress;) {
    progress = false;
    const left: Dim[] = [];
    for (const equation of open) {
      const d = substitute(equation, replace);
      const found = solveLinear(d, unknowns, facts);
      if (found) {
        progress = true;
        for (const [name, value] of bindings)
          bindings.set(
            name,
            substitute(value, (v) => (v === found.name ? found.value : undefined)),
          );
        bindings.set(found.name, found.value);
      } else if (asConstant(d) !== 0) left.push(d);
    }
    open = left;
  }
  const answers = open.map((d) => ({ d, answer: facts.equal(d, 0) })).filter(({ answer }) => answer !== 'proved');
  const pairs = (refuted: boolean): (readonly [Dim, Dim])[] =>
    answers.filter(({ answer }) => (answer === 'refuted') === refuted).map(({ d }) => sides(d));
  return { bindings, unsolved: pairs(false), refuted: pairs(true) };
}

// d = 0 for the one unknown in it: slope·u + rest = 0.
function solveLinear(d: Dim, unknowns: ReadonlySet<string>, facts: Facts): { name: string; value: Dim } | undefined {
  const names = [...variables(d)].filter((name) => unknowns.has(name));
  const [name] = names;
  if (name === undefined || names.length > 1) return undefined;
  const linear = splitLinear(d, { kind: 'var', name, key: name });
  if (!linear || variables(linear.slope).has(name) || variables(linear.rest).has(name)) return undefined;
  const [rest, slope] =
    asConstant(linear.slope) === -1 ? [linear.rest, negate(linear.slope)] : [negate(linear.rest), linear.slope];
  const exact = divideExactly(rest, slope);
  if (exact) return { name, value: exact };
  const positive = facts.lessEqual(1, slope) === 'proved';
  return positive && facts.divisible(rest, slope) === 'proved'
    ? { name, value: facts.simplify(floorDiv(rest, slope)) }
    : undefined;
}

// d = 0 as an equation without minus signs.
function sides(d: Dim): readonly [Dim, Dim] {
  const pick = (positive: boolean): Dim => fromTerms(d.terms.filter((term) => term.coefficient > 0 === positive));
  return [pick(true), negate(pick(false))];
}

/** The values of dim variables from concrete shapes. @throws RangeError when a shape does not fit */
export function bindShapes(
  shapes: readonly { readonly what: string; readonly symbolic: readonly Dim[]; readonly concrete: readonly number[] }[],
  known: Readonly<Record<string, number>> = {},
): Map<string, number> {
  const unknowns = new Set<string>();
  const equations: (readonly [DimLike, DimLike])[] = [];
  for (const { what, symbolic, concrete } of shapes) {
    if (symbolic.length !== concrete.length)
      throw new RangeError(`${what} has rank ${concrete.length}, not ${symbolic.length}`);
    for (const [axis, d] of symbolic.entries()) {
      for (const name of variables(d)) if (known[name] === undefined) unknowns.add(name);
      equations.push([
        substitute(d, (name) => (known[name] === undefined ? undefined : constant(known[name]))),
        concrete[axis] ?? 0,
      ]);
    }
  }
  const { bindings, refuted } = solve(equations, unknowns);
  for (const [a, b] of refuted) throw new RangeError(`shapes do not agree: ${a.key} is not ${b.key}`);
  const values = new Map(Object.entries(known));
  for (const [name, value] of bindings) {
    const c = asConstant(value);
    if (c !== undefined) values.set(name, c);
  }
  return values;
}
