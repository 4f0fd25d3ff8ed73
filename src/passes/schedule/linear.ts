// Dims as linear forms in one axis: what strides, collapsing and vector loads are decided by.
import { add, asConstant, fromAtom, mul, product, variables, zero } from '../../ir/dim.ts';
import type { Atom, Dim } from '../../ir/dim.ts';
import type { Facts } from '../../ir/dim-solver.ts';

const mentions = (atom: Atom, name: string): boolean => {
  if (atom.kind === 'var') return atom.name === name;
  return atom.key.includes(name) && (variables(atom.a).has(name) || variables(atom.b).has(name));
};

/** d = coefficient·name + rest, with neither part mentioning `name`; undefined when d is not linear in it. */
export function linearIn(d: Dim, name: string): { readonly coefficient: Dim; readonly rest: Dim } | undefined {
  if (!d.key.includes(name)) return { coefficient: zero, rest: d };
  let coefficient = zero;
  let rest = zero;
  for (const term of d.terms) {
    const those = term.factors.filter((atom) => mentions(atom, name));
    const others = product(term.factors.filter((atom) => !mentions(atom, name)).map(fromAtom));
    const part = mul(term.coefficient, others);
    const [only] = those;
    if (only === undefined) rest = add(rest, part);
    else if (those.length === 1 && only.kind === 'var') coefficient = add(coefficient, part);
    else return undefined;
  }
  return { coefficient, rest };
}

/** The constant step of `d` per unit of `name`, or undefined. */
export function constantStride(d: Dim, name: string): number | undefined {
  const linear = linearIn(d, name);
  return linear && asConstant(linear.coefficient);
}

/**
 * The constant step of `d` from lane to lane of four along `name`, the first of which is at a multiple of 4: a division
 * by a multiple of 4 gives all four the same, its remainder moves as they do.
 */
export function strideInLanes(d: Dim, name: string, facts: Facts): number | undefined {
  let stride = 0;
  for (const term of d.terms) {
    const steps = term.factors.map((atom) => (mentions(atom, name) ? atomStride(atom, name, facts) : 0));
    if (steps.every((step) => step === 0)) continue;
    const [step, ...others] = steps;
    if (step === undefined || others.length > 0) return undefined;
    stride += term.coefficient * step;
  }
  return stride;
}

function atomStride(atom: Atom, name: string, facts: Facts): number | undefined {
  if (atom.kind === 'var') return 1;
  const [a, b] = [strideInLanes(atom.a, name, facts), strideInLanes(atom.b, name, facts)];
  if (a === 0 && b === 0) return 0;
  if (atom.kind === 'min' || atom.kind === 'max' || (asConstant(atom.b) ?? 1) % 4 !== 0) return undefined;
  if (!startsAligned(atom.a, name, facts)) return undefined;
  return atom.kind === 'floor_div' ? 0 : 1;
}

/** True when four lanes along `name` (see {@link strideInLanes}) are four neighbours, the first at a multiple of 4. */
export const startsAligned = (d: Dim, name: string, facts: Facts): boolean =>
  strideInLanes(d, name, facts) === 1 &&
  d.terms.every((term) => {
    const [atom, ...others] = term.factors;
    const moves = atom !== undefined && mentions(atom, name) && atomStride(atom, name, facts) === 1;
    return (moves && others.length === 0) || isMultipleTerm(term, 4, facts);
  });

const isAxisName = (name: string): boolean => name.startsWith('%');

/** True when every term of `d` is a proved multiple of `k`, whatever integers its axes are. */
export const isMultiple = (d: Dim, k: number, facts: Facts): boolean =>
  d.terms.every((term) => isMultipleTerm(term, k, facts));

function isMultipleTerm({ coefficient, factors }: Dim['terms'][number], k: number, facts: Facts): boolean {
  if (coefficient % k === 0) return true;
  const free = factors.filter((atom) => !mentionsAxis(atom, isAxisName));
  return facts.divisible(mul(coefficient, product(free.map(fromAtom))), k) === 'proved';
}

/** True when `d` is never negative, given that axes start at 0 and dims at 1. */
export function isNonNegative(d: Dim, facts: Facts): boolean {
  return (
    d.terms.every((term) => term.coefficient >= 0 && term.factors.every((atom) => isAtomNonNegative(atom, facts))) ||
    facts.lessEqual(zero, d) === 'proved'
  );
}

function isAtomNonNegative(atom: Atom, facts: Facts): boolean {
  if (atom.kind === 'var' || atom.kind === 'mod') return true;
  if (atom.kind === 'floor_div') return isNonNegative(atom.a, facts);
  const [a, b] = [isNonNegative(atom.a, facts), isNonNegative(atom.b, facts)];
  return atom.kind === 'max' ? a || b : a && b;
}

/** `d` as the sum of (axis factors) × (a dim free of axes); the key of a part is its axis factors. */
export interface AxisPart {
  readonly factors: readonly Atom[];
  readonly scale: Dim;
}

/** Groups the terms of `d` by the factors that mention one of `axes`. */
export function axisParts(d: Dim, isAxis: (name: string) => boolean): AxisPart[] {
  const parts = new Map<string, AxisPart>();
  for (const term of d.terms) {
    const moving = term.factors.filter((atom) => mentionsAxis(atom, isAxis));
    const fixed = term.factors.filter((atom) => !mentionsAxis(atom, isAxis));
    const key = moving.map((atom) => atom.key).join('*');
    const scale = mul(term.coefficient, product(fixed.map(fromAtom)));
    parts.set(key, { factors: moving, scale: add(parts.get(key)?.scale ?? zero, scale) });
  }
  return [...parts.values()];
}

function mentionsAxis(atom: Atom, isAxis: (name: string) => boolean): boolean {
  if (!atom.key.includes('%')) return false;
  if (atom.kind === 'var') return isAxis(atom.name);
  return [...variables(atom.a), ...variables(atom.b)].some(isAxis);
}

/** A rough size of a dim for choosing variants: unknown dims count as 64, within their bounds. */
export function estimate(d: Dim, facts: Facts): number {
  const bounds = new Map(facts.variables.map((v) => [v.name, Math.min(Math.max(64, v.min), v.max ?? Infinity)]));
  const atomValue = (atom: Atom): number => {
    if (atom.kind === 'var') return bounds.get(atom.name) ?? 64;
    const [a, b] = [value(atom.a), Math.max(1, value(atom.b))];
    if (atom.kind === 'floor_div') return Math.floor(a / b);
    if (atom.kind === 'mod') return ((a % b) + b) % b;
    return atom.kind === 'min' ? Math.min(a, value(atom.b)) : Math.max(a, value(atom.b));
  };
  const value = (x: Dim): number =>
    x.terms.reduce((sum, term) => sum + term.factors.reduce((p, atom) => p * atomValue(atom), term.coefficient), 0);
  return value(d);
}
