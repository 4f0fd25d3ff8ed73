// Dims: canonical sums of products over variables and the atoms floor_div, mod, min, max.
// Two dims are the same polynomial exactly when their keys are equal. What needs facts (bounds,
// `requires`) is decided in dim-solver.ts; here are only rewrites that hold for all integers.

/** An indivisible factor of a term. Divisors are positive wherever an atom is built. */
export type Atom =
  | { readonly kind: 'var'; readonly name: string; readonly key: string }
  | { readonly kind: 'floor_div' | 'mod' | 'min' | 'max'; readonly a: Dim; readonly b: Dim; readonly key: string };

/** An integer coefficient times a product of atoms, sorted by key; a power repeats its atom. */
export interface Term {
  readonly coefficient: number;
  readonly factors: readonly Atom[];
  /** Text of the factors alone: equal for like terms. */
  readonly key: string;
}

/** A canonical integer expression. `key` is its text, which the readers of the textual IR read back. */
export interface Dim {
  readonly terms: readonly Term[];
  readonly key: string;
}

/** A term; its factors must be sorted by key. */
const makeTerm = (coefficient: number, factors: readonly Atom[]): Term => ({
  coefficient,
  factors,
  key: factors.length === 1 ? (factors[0]?.key ?? '') : factors.map((atom) => atom.key).join('*'),
});

const scaleTerm = (term: Term, coefficient: number): Term => ({ coefficient, factors: term.factors, key: term.key });

function termText(term: Term): string {
  const size = Math.abs(term.coefficient);
  if (term.factors.length === 0) return String(size);
  return size === 1 ? term.key : `${size}*${term.key}`;
}

function dimText(terms: readonly Term[]): string {
  if (terms.length === 0) return '0';
  let text = '';
  for (const term of terms) {
    if (text === '') text = term.coefficient < 0 ? `-${termText(term)}` : termText(term);
    else text += ` ${term.coefficient < 0 ? '-' : '+'} ${termText(term)}`;
  }
  return text;
}

// Higher degree first, then by text, so that `n*m + n + 1` prints as people write it.
const compareTerms = (a: Term, b: Term): number =>
  b.factors.length - a.factors.length || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);

/** A dim from terms that are already sorted, distinct and not zero. */
const fromSorted = (terms: readonly Term[]): Dim => ({ terms, key: dimText(terms) });

/** The sum of any terms, in any order. */
export function fromTerms(terms: readonly Term[]): Dim {
  if (terms.length === 1 && terms[0]?.coefficient !== 0) return fromSorted(terms);
  const sums = new Map<string, Term>();
  for (const term of terms) {
    const before = sums.get(term.key);
    sums.set(term.key, before ? scaleTerm(term, term.coefficient + before.coefficient) : term);
  }
  const kept = [...sums.values()].filter((term) => term.coefficient !== 0);
  return recombine(fromSorted(kept.length > 1 ? kept.sort(compareTerms) : kept));
}

/** The dim that is one atom. */
export const fromAtom = (atom: Atom): Dim => fromSorted([makeTerm(1, [atom])]);

const makeAtom = (kind: 'floor_div' | 'mod' | 'min' | 'max', a: Dim, b: Dim): Dim =>
  fromAtom({ kind, a, b, key: `${kind}(${a.key}, ${b.key})` });

const makeConstant = (value: number): Dim => fromSorted(value === 0 ? [] : [makeTerm(value, [])]);

const smallConstants: readonly Dim[] = Array.from({ length: 1025 }, (_, value) => makeConstant(value));

/** The dim that is the integer `value`. */
export const constant = (value: number): Dim => smallConstants[value] ?? makeConstant(value);

/** The dim that is the variable `name` (an identifier, or `%`-prefixed for axes and loop indices). */
export const variable = (name: string): Dim => fromAtom({ kind: 'var', name, key: name });

export const zero: Dim = constant(0);
export const one: Dim = constant(1);

/** A dim or a plain integer; every function below takes either. */
export type DimLike = Dim | number;

/** Turns an integer into a dim; leaves a dim alone. */
export const dim = (value: DimLike): Dim => (typeof value === 'number' ? constant(value) : value);

/** The integer that `d` always is, or undefined. */
export function asConstant(d: Dim): number | undefined {
  if (d.terms.length > 1) return undefined;
  const first = d.terms[0];
  if (first === undefined) return 0;
  return first.factors.length === 0 ? first.coefficient : undefined;
}

/** The variable that `d` is, when it is nothing else. */
export function asVariable(d: Dim): string | undefined {
  if (d.terms.length !== 1) return undefined;
  const first = d.terms[0];
  if (first?.coefficient !== 1 || first.factors.length !== 1) return undefined;
  const factor = first.factors[0];
  return factor?.kind === 'var' ? factor.name : undefined;
}

/** True when both are the same polynomial (equal for every value of the variables). */
export const sameDim = (a: DimLike, b: DimLike): boolean => dim(a).key === dim(b).key;

/** a + b. */
export function add(a: DimLike, b: DimLike): Dim {
  const x = dim(a);
  const y = dim(b);
  if (x.terms.length === 0) return y;
  if (y.terms.length === 0) return x;
  return recombine(fromSorted(mergeTerms(x.terms, y.terms)));
}

function mergeTerms(a: readonly Term[], b: readonly Term[]): Term[] {
  const merged: Term[] = [];
  let j = 0;
  for (const term of a) {
    let other = b[j];
    while (other !== undefined && compareTerms(other, term) < 0) {
      merged.push(other);
      other = b[++j];
    }
    if (other === undefined || other.key !== term.key) merged.push(term);
    else {
      j++;
      const sum = term.coefficient + other.coefficient;
      if (sum !== 0) merged.push(scaleTerm(term, sum));
    }
  }
  return merged.concat(b.slice(j));
}

/** −a. */
export const negate = (a: DimLike): Dim => fromSorted(dim(a).terms.map((term) => scaleTerm(term, -term.coefficient)));

/** a − b. */
export const sub = (a: DimLike, b: DimLike): Dim => add(a, negate(b));

function mulTerms(a: Term, b: Term): Term {
  const coefficient = a.coefficient * b.coefficient;
  if (a.factors.length === 0) return scaleTerm(b, coefficient);
  if (b.factors.length === 0) return scaleTerm(a, coefficient);
  return makeTerm(
    coefficient,
    [...a.factors, ...b.factors].sort((x, y) => (x.key < y.key ? -1 : x.key > y.key ? 1 : 0)),
  );
}

const scale = (d: Dim, by: number): Dim =>
  by === 1 ? d : by === 0 ? zero : fromSorted(d.terms.map((term) => scaleTerm(term, term.coefficient * by)));

/** a · b. */
export function mul(a: DimLike, b: DimLike): Dim {
  const x = dim(a);
  const y = dim(b);
  const c = asConstant(x);
  if (c !== undefined) return scale(y, c);
  const k = asConstant(y);
  if (k !== undefined) return scale(x, k);
  return fromTerms(x.terms.flatMap((s) => y.terms.map((t) => mulTerms(s, t))));
}

/** a to a non-negative integer power. */
export const power = (a: DimLike, exponent: number): Dim => {
  let result = one;
  for (let i = 0; i < exponent; i++) result = mul(result, a);
  return result;
};

/** The product of all `dims`: the number of elements of a shape. */
export const product = (dims: readonly DimLike[]): Dim => dims.reduce<Dim>((p, d) => mul(p, d), one);

// The factors of `term` without those of `by`, or undefined when one is missing. Both lists are sorted.
function withoutFactors(term: Term, by: Term): readonly Atom[] | undefined {
  if (by.factors.length === 0) return term.factors;
  const kept: Atom[] = [];
  let at = 0;
  for (const factor of term.factors) {
    if (by.factors[at]?.key === factor.key) at++;
    else kept.push(factor);
  }
  return at === by.factors.length ? kept : undefined;
}

// More steps than any real quotient has terms; the cut keeps odd divisors from looping.
const longDivisionSteps = 64;

/** d = divisor·quotient + rest for any integers, by long division on the leading term of the divisor. */
export function splitDivisible(d: Dim, divisor: Dim): { readonly quotient: Dim; readonly rest: Dim } {
  const [lead] = divisor.terms;
  if (lead === undefined) throw new RangeError(`division of ${d.key} by zero`);
  let [quotient, rest] = [zero, d];
  for (let step = 0; step < longDivisionSteps; step++) {
    const q = quotientTerms(rest, lead);
    if (q.length === 0) break;
    const part = fromTerms(q);
    const left = sub(rest, mul(part, divisor));
    if (left.terms.length > rest.terms.length + divisor.terms.length) break;
    [quotient, rest] = [add(quotient, part), left];
  }
  return { quotient, rest };
}

// Coefficients left behind lie in [0, lead.coefficient), which makes the rest canonical.
function quotientTerms(d: Dim, lead: Term): Term[] {
  const terms: Term[] = [];
  for (const term of d.terms) {
    const factors = withoutFactors(term, lead);
    const q = factors ? Math.floor(term.coefficient / lead.coefficient) : 0;
    if (factors && q !== 0) terms.push(makeTerm(q, factors));
  }
  return terms;
}

/** `d / divisor` when it is a polynomial with integer coefficients, else undefined. */
export function divideExactly(d: Dim, divisor: Dim): Dim | undefined {
  if (d.terms.length === 0) return zero;
  if (divisor.terms.length === 0) return undefined;
  const { quotient, rest } = splitDivisible(d, divisor);
  return rest.terms.length === 0 ? quotient : undefined;
}

function checkDivisor(b: Dim): number | undefined {
  const c = asConstant(b);
  if (c !== undefined && c < 1) throw new RangeError(`division by ${c}`);
  return c;
}

/** ⌊a / b⌋, for b ≥ 1. Terms that divide exactly leave the atom: ⌊(2n + 1) / 2⌋ = n. */
export function floorDiv(a: DimLike, b: DimLike): Dim {
  const [x, y] = [dim(a), dim(b)];
  const c = checkDivisor(y);
  if (c === 1) return x;
  const { quotient, rest } = splitDivisible(x, y);
  const r = asConstant(rest);
  if (r === 0) return quotient;
  if (r !== undefined && c !== undefined) return add(quotient, Math.floor(r / c));
  return add(quotient, flattenFloor(rest, y) ?? makeFloor(rest, y));
}

// ⌊g·a / g·b⌋ = ⌊a / b⌋ for a positive integer g.
function makeFloor(a: Dim, b: Dim): Dim {
  const g = commonCoefficient(a, b);
  return g === 1 ? makeAtom('floor_div', a, b) : floorDiv(divideBy(a, g), divideBy(b, g));
}

/** ⌊(⌊a / b⌋ + k) / c⌋ = ⌊(a + k·b) / (b·c)⌋, and ⌊mod(a, b·c) / b⌋ = mod(⌊a / b⌋, c). */
function flattenFloor(rest: Dim, c: Dim): Dim | undefined {
  const [term, k] = rest.terms;
  const [atom] = term?.factors ?? [];
  if (!term || !atom || term.coefficient !== 1 || term.factors.length !== 1 || atom.kind === 'var') return undefined;
  if (atom.kind === 'floor_div' && (k === undefined || (rest.terms.length === 2 && k.factors.length === 0)))
    return floorDiv(add(atom.a, mul(k?.coefficient ?? 0, atom.b)), mul(atom.b, c));
  if (atom.kind !== 'mod' || k !== undefined) return undefined;
  const outer = divideExactly(atom.b, c);
  return outer && mod(floorDiv(atom.a, c), outer);
}

/** a − b·⌊a / b⌋, for b ≥ 1: never negative. */
export function mod(a: DimLike, b: DimLike): Dim {
  const [x, y] = [dim(a), dim(b)];
  const c = checkDivisor(y);
  if (c === 1) return zero;
  const plain = dropInnerMods(x, y);
  const { rest } = splitDivisible(plain, y);
  const r = asConstant(rest);
  if (r === 0) return zero;
  if (r !== undefined && c !== undefined) return constant(((r % c) + c) % c);
  const g = commonCoefficient(rest, y);
  return g === 1 ? makeAtom('mod', rest, y) : mul(g, mod(divideBy(rest, g), divideBy(y, g)));
}

// mod(x, c·b) ≡ x under mod b, so an inner mod that a multiple of b divides may go.
function dropInnerMods(d: Dim, b: Dim): Dim {
  let result = d;
  for (const term of d.terms) {
    for (const atom of term.factors) {
      if (atom.kind !== 'mod' || divideExactly(atom.b, b) === undefined) continue;
      const others = cofactor(term, atom);
      result = add(sub(result, fromSorted([term])), mul(others, atom.a));
      return dropInnerMods(result, b);
    }
  }
  return result;
}

const cofactor = (term: Term, atom: Atom): Dim => {
  const at = term.factors.indexOf(atom);
  return fromSorted([
    makeTerm(
      term.coefficient,
      term.factors.filter((_, i) => i !== at),
    ),
  ]);
};

/** The greatest common divisor of two integers; 0 of two zeros. */
export const gcd = (a: number, b: number): number => {
  let [x, y] = [Math.abs(a), Math.abs(b)];
  while (y !== 0) [x, y] = [y, x % y];
  return x;
};

const commonCoefficient = (a: Dim, b: Dim): number => {
  let g = 0;
  for (const term of b.terms) g = gcd(g, term.coefficient);
  for (const term of a.terms) g = g === 1 ? 1 : gcd(g, term.coefficient);
  return g;
};

const divideBy = (d: Dim, g: number): Dim => fromSorted(d.terms.map((term) => scaleTerm(term, term.coefficient / g)));

const hasAtom = (term: Term, kind: Atom['kind']): boolean => term.factors.some((atom) => atom.kind === kind);

// b·⌊a/b⌋ + mod(a, b) = a and b·mod(⌊a/b⌋, c) + mod(a, b) = mod(a, b·c): what a reshape and its
// inverse leave behind. Looked for only where a sum holds a mod and something to join it with.
function recombine(d: Dim): Dim {
  if (d.terms.length < 2 || !d.key.includes('mod(')) return d;
  for (const term of d.terms) {
    for (const atom of term.factors) {
      if (atom.kind !== 'mod') continue;
      const joined = joinQuotient(d, term, atom) ?? joinMods(d, term, atom);
      if (joined) return joined;
    }
  }
  return d;
}

type DivisionAtom = Extract<Atom, { a: Dim }>;

function joinQuotient(d: Dim, term: Term, atom: DivisionAtom): Dim | undefined {
  if (!d.terms.some((other) => hasAtom(other, 'floor_div'))) return undefined;
  const others = cofactor(term, atom);
  const scaled = mul(others, mul(atom.b, floorDiv(atom.a, atom.b)));
  const wanted = scaled.terms.filter((t) => hasAtom(t, 'floor_div'));
  const found =
    wanted.length > 0 && wanted.every((t) => d.terms.some((u) => u.key === t.key && u.coefficient === t.coefficient));
  return found ? addAll(d, [negate(scaled), negate(fromSorted([term])), mul(others, atom.a)]) : undefined;
}

function joinMods(d: Dim, term: Term, atom: DivisionAtom): Dim | undefined {
  for (const other of d.terms) {
    for (const outer of other.factors) {
      if (other === term || outer.kind !== 'mod') continue;
      const others = cofactor(term, atom);
      if (!sameDim(cofactor(other, outer), mul(others, atom.b))) continue;
      if (!sameDim(mod(floorDiv(atom.a, atom.b), outer.b), fromAtom(outer))) continue;
      const whole = mul(others, mod(atom.a, mul(atom.b, outer.b)));
      return addAll(d, [negate(fromSorted([term])), negate(fromSorted([other])), whole]);
    }
  }
  return undefined;
}

const addAll = (d: Dim, dims: readonly Dim[]): Dim => fromTerms([d, ...dims].flatMap((x) => x.terms));

/** ⌈a / b⌉ = ⌊(a + b − 1) / b⌋, for b ≥ 1. */
export const ceilDiv = (a: DimLike, b: DimLike): Dim => floorDiv(add(a, sub(b, 1)), b);

function extremum(kind: 'min' | 'max', a: DimLike, b: DimLike): Dim {
  const [x, y] = [dim(a), dim(b)];
  const difference = asConstant(sub(x, y));
  if (difference !== undefined) return difference <= 0 === (kind === 'min') ? x : y;
  return x.key < y.key ? makeAtom(kind, x, y) : makeAtom(kind, y, x);
}

export const min = (a: DimLike, b: DimLike): Dim => extremum('min', a, b);
export const max = (a: DimLike, b: DimLike): Dim => extremum('max', a, b);

/** Rebuilds `d` with each variable replaced; an undefined replacement keeps the variable. */
export function substitute(d: Dim, replace: (name: string) => Dim | undefined): Dim {
  return mapAtoms(d, (atom) => {
    if (atom.kind === 'var') return replace(atom.name);
    const [a, b] = [substitute(atom.a, replace), substitute(atom.b, replace)];
    return a === atom.a && b === atom.b ? undefined : buildAtom[atom.kind](a, b);
  });
}

/** The function that makes each atom, canonically. */
export const buildAtom = { floor_div: floorDiv, mod, min, max } as const;

/** Rebuilds `d` with top-level atoms replaced; undefined keeps one. Returns `d` itself when none changed. */
export function mapAtoms(d: Dim, replace: (atom: Atom) => Dim | undefined): Dim {
  let changed = false;
  const parts: Term[] = [];
  for (const term of d.terms) {
    const mapped = mapFactors(term, replace);
    if (mapped) {
      changed = true;
      if (d.terms.length === 1) return mapped;
      parts.push(...mapped.terms);
    } else parts.push(term);
  }
  return changed ? fromTerms(parts) : d;
}

// The term with its factors replaced, or undefined when all stay.
function mapFactors(term: Term, replace: (atom: Atom) => Dim | undefined): Dim | undefined {
  const only = term.factors.length === 1 ? term.factors[0] : undefined;
  if (only) {
    const replaced = replace(only);
    return replaced && scale(replaced, term.coefficient);
  }
  const news = term.factors.map(replace);
  if (news.every((x) => x === undefined)) return undefined;
  return mul(term.coefficient, product(term.factors.map((atom, i) => news[i] ?? fromAtom(atom))));
}

/** The value of `d` in exact integers. @throws RangeError when a variable is unbound or a divisor is < 1 */
export function evaluateDim(d: Dim, lookup: (name: string) => number | undefined): number {
  return d.terms.reduce(
    (sum, term) => sum + term.factors.reduce((p, atom) => p * evaluateAtom(atom, lookup), term.coefficient),
    0,
  );
}

function evaluateAtom(atom: Atom, lookup: (name: string) => number | undefined): number {
  if (atom.kind === 'var') {
    const value = lookup(atom.name);
    if (value === undefined) throw new RangeError(`dim ${atom.name} has no value`);
    return value;
  }
  const [a, b] = [evaluateDim(atom.a, lookup), evaluateDim(atom.b, lookup)];
  if (atom.kind === 'min') return Math.min(a, b);
  if (atom.kind === 'max') return Math.max(a, b);
  if (b < 1) throw new RangeError(`division of ${a} by ${b} in ${atom.key}`);
  return atom.kind === 'floor_div' ? Math.floor(a / b) : a - b * Math.floor(a / b);
}

/** The names of all variables in `d`, atoms included. */
export function variables(d: Dim, into: Set<string> = new Set()): Set<string> {
  for (const term of d.terms)
    for (const atom of term.factors) {
      if (atom.kind === 'var') into.add(atom.name);
      else {
        variables(atom.a, into);
        variables(atom.b, into);
      }
    }
  return into;
}
