// Decides equations and inequalities over dims from bounds, congruences and `requires` facts.
// Three answers: proved, refuted, unknown. Analysis is interval × congruence on the polynomial form;
// proofs are in dim-bounds.ts, the solved form of the facts in dim-normal.ts.
import {
  add,
  asConstant,
  buildAtom,
  constant,
  dim as toDim,
  divideExactly,
  floorDiv,
  fromTerms,
  gcd,
  mapAtoms,
  mod,
  mul,
  negate,
  splitDivisible,
  sub,
  zero,
  type Atom,
  type Dim,
  type DimLike,
  type Term,
} from './dim.ts';
import { Bounds, type Bound, type Range } from './dim-bounds.ts';
import { NormalForm } from './dim-normal.ts';
import type { DimVariable, Fact } from './graph.ts';

export type { Range } from './dim-bounds.ts';

/** What the solver can say of a statement about dims. */
export type Answer = 'proved' | 'refuted' | 'unknown';

/** The variables and facts in force, and the questions that can be asked of them. */
export class Facts {
  private readonly normal: NormalForm;
  private readonly bounds: Bounds;
  private readonly simplified = new Map<string, Dim>();
  private readonly axes: ReadonlyMap<string, Bound>;

  constructor(
    readonly variables: readonly DimVariable[] = [],
    readonly facts: readonly Fact[] = [],
    /** Facts without the axes: asked whenever a dim has no axis in it. */
    private readonly base?: Facts,
    axes: ReadonlyMap<string, Bound> = new Map(),
  ) {
    this.axes = axes;
    this.normal = base?.normal ?? new NormalForm(variables, facts);
    const normal = this.normal;
    this.bounds = new Bounds({
      bound: (name) => axes.get(name) ?? normal.bounds.get(name),
      inequalities: normal.inequalities,
    });
  }

  /** a = b? Refuted means: for no values of the variables. */
  equal(a: DimLike, b: DimLike): Answer {
    if (a === b || (typeof a === 'object' && typeof b === 'object' && a.key === b.key)) return 'proved';
    const difference = this.reduce(sub(a, b));
    const c = asConstant(difference);
    if (c !== undefined) return c === 0 ? 'proved' : 'refuted';
    if (this.positive(difference) || this.positive(negate(difference)) || offMultiples(difference)) return 'refuted';
    return this.holds(difference) && this.holds(negate(difference)) ? 'proved' : 'unknown';
  }

  /** a ≤ b? Refuted means: for no values of the variables. */
  lessEqual(a: DimLike, b: DimLike): Answer {
    const difference = this.reduce(sub(b, a));
    if (this.holds(difference)) return 'proved';
    return this.positive(negate(difference)) ? 'refuted' : 'unknown';
  }

  /** Does `divisor` divide `d`? */
  divisible(d: DimLike, divisor: DimLike): Answer {
    const by = this.reduce(toDim(divisor));
    if (asConstant(by) === 0) return 'refuted';
    const whole = this.reduce(toDim(d));
    if (divideExactly(whole, by)) return 'proved';
    if (!this.positive(by)) return 'unknown';
    const rest = this.reduce(mod(whole, by));
    if (rest.terms.length === 0) return 'proved';
    return this.positive(rest) || offMultiples(splitDivisible(whole, by).rest, asConstant(by)) ? 'refuted' : 'unknown';
  }

  /** Bounds of `d`. */
  range(d: DimLike): Range {
    return this.scope(toDim(d)).bounds.range(this.reduce(toDim(d)));
  }

  /** `d` rewritten by the facts: mod and floor_div that a range decides, min/max that an order decides. */
  simplify(d: Dim): Dim {
    if (!this.mayRewrite(d)) return d;
    return this.normal.restore(this.reduce(d));
  }

  /** False when {@link simplify} surely leaves `d` alone, with whatever axes. */
  mayRewrite(d: Dim): boolean {
    return d.terms.length > 0 && (this.facts.length > 0 || d.key.includes('('));
  }

  /** These facts and more. */
  extend(variables: readonly DimVariable[], facts: readonly Fact[]): Facts {
    const extended = new Facts([...this.variables, ...variables], [...this.facts, ...facts]);
    return this.axes.size === 0 ? extended : new Facts(extended.variables, extended.facts, extended, this.axes);
  }

  /** These facts and 0 ≤ name < extent. */
  withAxis(name: string, extent: DimLike): Facts {
    return this.withAxes([{ name, extent: toDim(extent) }]);
  }

  /** These facts and 0 ≤ name < extent of every axis. */
  withAxes(axes: readonly { readonly name: string; readonly extent: Dim }[]): Facts {
    if (axes.length === 0) return this;
    const bounds = new Map(this.axes);
    for (const { name, extent } of axes) bounds.set(name, { min: zero, max: sub(this.reduce(extent), 1) });
    return new Facts(this.variables, this.facts, this.base ?? this, bounds);
  }

  // Axis names start with %, so the key tells whether the axes matter; answers without them are shared.
  private scope(d: Dim): Facts {
    return this.base && !d.key.includes('%') ? this.base : this;
  }

  private holds(d: Dim): boolean {
    return this.scope(d).bounds.nonNegative(d);
  }

  private positive(d: Dim): boolean {
    return this.holds(sub(d, 1));
  }

  // Solved variables replaced and every atom that the bounds decide rewritten.
  private reduce(d: Dim): Dim {
    const scope = this.scope(d);
    if (scope !== this) return scope.reduce(d);
    const known = this.simplified.get(d.key);
    if (known) return known;
    const result = this.reduceAtoms(this.normal.apply(d));
    this.simplified.set(d.key, result);
    return result;
  }

  private reduceAtoms(d: Dim): Dim {
    if (!d.key.includes('(')) return d;
    return mapAtoms(d, (atom) => {
      if (atom.kind === 'var') return undefined;
      const [a, b] = [this.reduceAtoms(atom.a), this.reduceAtoms(atom.b)];
      if (a !== atom.a || b !== atom.b) return mapAtoms(buildAtom[atom.kind](a, b), (inner) => this.rewrite(inner));
      return this.rewrite(atom);
    });
  }

  private rewrite(atom: Atom): Dim | undefined {
    switch (atom.kind) {
      case 'var':
        return undefined;
      case 'floor_div':
        return this.rewriteFloor(atom.a, atom.b);
      case 'mod':
        return this.rewriteMod(atom.a, atom.b);
      case 'min':
        return this.rewriteExtremum(atom.a, atom.b);
      case 'max':
        return this.rewriteExtremum(negate(atom.a), negate(atom.b), atom);
    }
  }

  // The smaller of a and b where the order is known; with `of`, the matching operand of a max.
  private rewriteExtremum(a: Dim, b: Dim, of: { readonly a: Dim; readonly b: Dim } = { a, b }): Dim | undefined {
    if (this.holds(sub(b, a))) return of.a;
    return this.holds(sub(a, b)) ? of.b : undefined;
  }

  // 0 ≤ a < b gives 0; −b ≤ a < 0 gives −1.
  private rewriteFloor(a: Dim, b: Dim): Dim | undefined {
    const { min, max } = this.bounds.range(a);
    if (max >= 0 && this.holds(a) && this.holds(sub(sub(b, 1), a))) return zero;
    if (min < 0 && this.positive(negate(a)) && this.holds(add(a, b))) return constant(-1);
    const split = this.splitFactor(a, b);
    return split && this.reduceAtoms(floorDiv(split.outer, split.by));
  }

  private rewriteMod(a: Dim, b: Dim): Dim | undefined {
    const { min, max } = this.bounds.range(a);
    if (max >= 0 && this.holds(a) && this.holds(sub(sub(b, 1), a))) return a;
    if (min < 0 && this.positive(negate(a)) && this.holds(add(a, b))) return add(a, b);
    const split = this.splitFactor(a, b);
    return split && add(mul(split.factor, this.reduceAtoms(mod(split.outer, split.by))), split.inner);
  }

  // a = f·x + r with 0 ≤ r < f and b = f·m: then ⌊a/b⌋ = ⌊x/m⌋ and mod(a, b) = f·mod(x, m) + r.
  private splitFactor(a: Dim, b: Dim): { factor: Dim; outer: Dim; inner: Dim; by: Dim } | undefined {
    for (const factor of sharedFactors(a, b)) {
      const by = divideExactly(b, factor);
      const { quotient: outer, rest: inner } = splitDivisible(a, factor);
      if (!by || outer.terms.length === 0) continue;
      if (this.holds(inner) && this.holds(sub(sub(factor, 1), inner))) return { factor, outer, inner, by };
    }
    return undefined;
  }
}

// Products that divide every term of b and some term of a, other than 1; larger ones first.
function sharedFactors(a: Dim, b: Dim): Dim[] {
  const content = b.terms.reduce<Term | undefined>(
    (shared, term) => (shared ? commonTerm(shared, term) : term),
    undefined,
  );
  if (!content) return [];
  const found = new Map<string, Dim>();
  for (const term of a.terms) {
    if (term.factors.length === 0 && a.terms.length > 1) continue;
    const factor = fromTerms([commonTerm(content, term)]);
    if (factor.key !== '1' && factor.key !== b.key) found.set(factor.key, factor);
  }
  return [...found.values()].sort((x, y) => (y.terms[0]?.factors.length ?? 0) - (x.terms[0]?.factors.length ?? 0));
}

function commonTerm(a: Term, b: Term): Term {
  const left = b.factors.map((atom) => atom.key);
  const factors = a.factors.filter((atom) => {
    const at = left.indexOf(atom.key);
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
  return { coefficient: gcd(a.coefficient, b.coefficient), factors, key: factors.map((atom) => atom.key).join('*') };
}

// True when the constant is no multiple of what divides all other coefficients, so d is never 0 (mod m).
function offMultiples(d: Dim, modulus = 0): boolean {
  const last = d.terms.at(-1);
  const offset = last?.factors.length === 0 ? last.coefficient : 0;
  const step = d.terms.reduce((g, term) => (term.factors.length === 0 ? g : gcd(g, term.coefficient)), modulus);
  return step !== 0 && offset % step !== 0;
}
