// Dims: canonical sums of products over variables and the atoms floor_div, mod, min, max.
// Two dims are the same polynomial exactly when their keys are equal. What needs facts (bounds,
// `requires`) is decided in dim-solver.ts; here are only rewrites that hold for all integers.

/** An indivisible factor of a term. Divisors are positive wherever an atom is built. */
export type Atom =
  | { readonly kind: 'var'; readonly name: string }
  | { readonly kind: 'floor_div' | 'mod' | 'min' | 'max'; readonly a: Dim; readonly b: Dim };

/** An integer coefficient times a product of atoms, sorted by key; a power repeats its atom. */
export interface Term {
  readonly coefficient: number;
  readonly factors: readonly Atom[];
}

/** A canonical integer expression. `key` is its text, which {@link parseDim} reads back. */
export interface Dim {
  readonly terms: readonly Term[];
  readonly key: string;
}

const atomKey = (atom: Atom): string =>
  atom.kind === 'var' ? atom.name : `${atom.kind}(${atom.a.key}, ${atom.b.key})`;

const factorsKey = (factors: readonly Atom[]): string => factors.map(atomKey).join('*');

function termText(term: Term): string {
  const size = Math.abs(term.coefficient);
  if (term.factors.length === 0) return String(size);
  const product = factorsKey(term.factors);
  return size === 1 ? product : `${size}*${product}`;
}

function dimText(terms: readonly Term[]): string {
  if (terms.length === 0) return '0';
  return terms
    .map((term, at) => {
      const sign = term.coefficient < 0 ? '-' : at === 0 ? '' : '+';
      return at === 0 ? sign + termText(term) : ` ${sign} ${termText(term)}`;
    })
    .join('');
}

// Higher degree first, then by text, so that `n*m + n + 1` prints as people write it.
const compareTerms = (a: Term, b: Term): number =>
  b.factors.length - a.factors.length || (factorsKey(a.factors) < factorsKey(b.factors) ? -1 : 1);

function fromTerms(terms: Iterable<Term>): Dim {
  const sums = new Map<string, Term>();
  for (const term of terms) {
    const key = factorsKey(term.factors);
    const before = sums.get(key);
    sums.set(key, { coefficient: term.coefficient + (before?.coefficient ?? 0), factors: term.factors });
  }
  const kept = [...sums.values()].filter((term) => term.coefficient !== 0).sort(compareTerms);
  return { terms: kept, key: dimText(kept) };
}

const fromAtom = (atom: Atom): Dim => fromTerms([{ coefficient: 1, factors: [atom] }]);

/** The dim that is the integer `value`. */
export const constant = (value: number): Dim =>
  fromTerms([{ coefficient: value, factors: [] }]);

/** The dim that is the variable `name` (an identifier, or `%`-prefixed for axes and loop indices). */
export const variable = (name: string): Dim => fromAtom({ kind: 'var', name });

export const zero: Dim = constant(0);
export const one: Dim = constant(1);

/** A dim or a plain integer; every function below takes either. */
export type DimLike = Dim | number;

/** Turns an integer into a dim; leaves a dim alone. */
export const dim = (value: DimLike): Dim => (typeof value === 'number' ? constant(value) : value);

/** The integer that `d` always is, or undefined. */
export function asConstant(d: Dim): number | undefined {
  const [first] = d.terms;
  if (first === undefined) return 0;
  return d.terms.length === 1 && first.factors.length === 0 ? first.coefficient : undefined;
}

/** The variable that `d` is, when it is nothing else. */
export function asVariable(d: Dim): string | undefined {
  const [first] = d.terms;
  const [factor] = first?.factors ?? [];
  const plain = d.terms.length === 1 && first?.coefficient === 1 && first.factors.length === 1;
  return plain && factor?.kind === 'var' ? factor.name : undefined;
}

/** True when both are the same polynomial (equal for every value of the variables). */
export const sameDim = (a: DimLike, b: DimLike): boolean => dim(a).key === dim(b).key;

export const add = (a: DimLike, b: DimLike): Dim => fromTerms([...dim(a).terms, ...dim(b).terms]);

export const negate = (a: DimLike): Dim =>
  fromTerms(dim(a).terms.map((term) => ({ ...term, coefficient: -term.coefficient })));

export const sub = (a: DimLike, b: DimLike): Dim => add(a, negate(b));

const mulTerms = (a: Term, b: Term): Term => ({
  coefficient: a.coefficient * b.coefficient,
  factors: [...a.factors, ...b.factors].sort((x, y) => (atomKey(x) < atomKey(y) ? -1 : 1)),
});

export const mul = (a: DimLike, b: DimLike): Dim =>
  fromTerms(dim(a).terms.flatMap((x) => dim(b).terms.map((y) => mulTerms(x, y))));

export const power = (a: DimLike, exponent: number): Dim => {
  let result = one;
  for (let i = 0; i < exponent; i++) result = mul(result, a);
  return result;
};

/** The product of all `dims`: the number of elements of a shape. */
export const product = (dims: readonly DimLike[]): Dim => dims.reduce<Dim>((p, d) => mul(p, d), one);

/** `d / divisor` when every term divides exactly (coefficients and common factors), else undefined. */
export function divideExactly(d: Dim, divisor: Dim): Dim | undefined {
  if (d.terms.length === 0) return zero;
  const [by] = divisor.terms;
  if (by === undefined || divisor.terms.length !== 1) return sameDim(d, divisor) ? one : undefined;
  const quotients: Term[] = [];
  for (const term of d.terms) {
    const left = term.factors.map(atomKey);
    const kept = [...term.factors];
    for (const factor of by.factors) {
      const at = left.indexOf(atomKey(factor));
      if (at < 0) return undefined;
      left.splice(at, 1);
      kept.splice(at, 1);
    }
    if (term.coefficient % by.coefficient !== 0) return undefined;
    quotients.push({ coefficient: term.coefficient / by.coefficient, factors: kept });
  }
  return fromTerms(quotients);
}

// Splits d = divisor*quotient + rest: exact terms go to the quotient, and under a constant divisor
// the remaining coefficients lie in [0, divisor), which makes the rest canonical.
function splitDivisible(d: Dim, divisor: Dim): { quotient: Dim; rest: Dim } {
  const quotient: Term[] = [];
  const rest: Term[] = [];
  const c = asConstant(divisor);
  for (const term of d.terms) {
    const exact = divideExactly({ terms: [term], key: '' }, divisor);
    if (exact) quotient.push(...exact.terms);
    else if (c !== undefined && c > 0) {
      const q = Math.floor(term.coefficient / c);
      quotient.push({ coefficient: q, factors: term.factors });
      rest.push({ coefficient: term.coefficient - q * c, factors: term.factors });
    } else rest.push(term);
  }
  return { quotient: fromTerms(quotient), rest: fromTerms(rest) };
}

/** ⌊a / b⌋, for b ≥ 1. Terms that divide exactly leave the atom: ⌊(2n + 1) / 2⌋ = n. */
export function floorDiv(a: DimLike, b: DimLike): Dim {
  const [x, y] = [dim(a), dim(b)];
  if (sameDim(y, one)) return x;
  const { quotient, rest } = splitDivisible(x, y);
  const [r, c] = [asConstant(rest), asConstant(y)];
  if (r === 0) return quotient;
  if (r !== undefined && c !== undefined) return add(quotient, Math.floor(r / c));
  return add(quotient, fromAtom({ kind: 'floor_div', a: rest, b: y }));
}

/** a − b·⌊a / b⌋, for b ≥ 1: never negative. */
export function mod(a: DimLike, b: DimLike): Dim {
  const [x, y] = [dim(a), dim(b)];
  if (sameDim(y, one)) return zero;
  const { rest } = splitDivisible(x, y);
  const [r, c] = [asConstant(rest), asConstant(y)];
  if (r === 0) return zero;
  if (r !== undefined && c !== undefined) return constant(((r % c) + c) % c);
  return fromAtom({ kind: 'mod', a: rest, b: y });
}

/** ⌈a / b⌉ = ⌊(a + b − 1) / b⌋, for b ≥ 1. */
export const ceilDiv = (a: DimLike, b: DimLike): Dim => floorDiv(add(a, sub(b, 1)), b);

function extremum(kind: 'min' | 'max', a: DimLike, b: DimLike): Dim {
  const [x, y] = [dim(a), dim(b)];
  const difference = asConstant(sub(x, y));
  if (difference !== undefined) return (difference <= 0) === (kind === 'min') ? x : y;
  return fromAtom(x.key < y.key ? { kind, a: x, b: y } : { kind, a: y, b: x });
}

export const min = (a: DimLike, b: DimLike): Dim => extremum('min', a, b);
export const max = (a: DimLike, b: DimLike): Dim => extremum('max', a, b);

/** Rebuilds `d` with each variable replaced; an undefined replacement keeps the variable. */
export function substitute(d: Dim, replace: (name: string) => Dim | undefined): Dim {
  if (asConstant(d) !== undefined) return d;
  return d.terms.reduce<Dim>((sum, term) => {
    const factors = term.factors.map((atom) => substituteAtom(atom, replace));
    return add(sum, mul(term.coefficient, product(factors)));
  }, zero);
}

function substituteAtom(atom: Atom, replace: (name: string) => Dim | undefined): Dim {
  if (atom.kind === 'var') return replace(atom.name) ?? fromAtom(atom);
  const [a, b] = [substitute(atom.a, replace), substitute(atom.b, replace)];
  return { floor_div: floorDiv, mod, min, max }[atom.kind](a, b);
}

/** The value of `d` in exact integers. @throws RangeError when a variable is unbound or a divisor is < 1 */
export function evaluateDim(d: Dim, lookup: (name: string) => number | undefined): number {
  return d.terms.reduce(
    (sum, term) => sum + term.factors.reduce((p, atom) => p * evaluateAtom(atom, lookup), term.coefficient), 0);
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
  if (b < 1) throw new RangeError(`division of ${a} by ${b} in ${atomKey(atom)}`);
  return atom.kind === 'floor_div' ? Math.floor(a / b) : a - b * Math.floor(a / b);
}

/** The names of all variables in `d`, atoms included. */
export function variables(d: Dim, into: Set<string> = new Set()): Set<string> {
  for (const term of d.terms) for (const atom of term.factors) {
    if (atom.kind === 'var') into.add(atom.name);
    else { variables(atom.a, into); variables(atom.b, into); }
  }
  return into;
}

/** Reads the text of a dim: `2*n*m + floor_div(h - 1, 2) + 1`. @throws SyntaxError on anything else */
export function parseDim(text: string): Dim {
  const tokens = text.match(/[%A-Za-z_][\w.%]*|\d+|[-+*(),]/g) ?? [];
  let at = 0;
  const fail = (): never => { throw new SyntaxError(`not a dim: ${text}`); };
  const expect = (token: string): void => { if (tokens[at++] !== token) fail(); };
  const factor = (): Dim => {
    const token = tokens[at++] ?? fail();
    if (/^\d/.test(token)) return constant(Number(token));
    if (token === '(') { const inner = sum(); expect(')'); return inner; }
    if (tokens[at] !== '(') return /^[%A-Za-z_]/.test(token) ? variable(token) : fail();
    at++;
    const a = sum(); expect(','); const b = sum(); expect(')');
    const build = { floor_div: floorDiv, mod, min, max }[token] ?? fail();
    return build(a, b);
  };
  const term = (): Dim => {
    let result = factor();
    while (tokens[at] === '*') { at++; result = mul(result, factor()); }
    return result;
  };
  const sum = (): Dim => {
    let result = tokens[at] === '-' ? (at++, negate(term())) : term();
    while (tokens[at] === '+' || tokens[at] === '-') {
      result = tokens[at++] === '+' ? add(result, term()) : sub(result, term());
    }
    return result;
  };
  const result = sum();
  if (at !== tokens.length || tokens.join('') !== text.replaceAll(/\s/g, '')) fail();
  return result;
}
