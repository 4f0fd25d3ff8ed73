// Proves `d >= 0` for a dim over bounded variables: numeric intervals first, then the polynomial
// shifted to its lower bounds, then elimination of bounded atoms one at a time by the sign of their
// coefficient, then combination with known inequalities. Sound, not complete; work is bounded.
import {
  add,
  constant,
  divideExactly,
  fromAtom,
  fromTerms,
  mapAtoms,
  mul,
  negate,
  sub,
  zero,
  type Atom,
  type Dim,
  type Term,
} from './dim.ts';

/** Inclusive bounds; infinite where nothing is known. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** What is known of one variable: min ≤ v ≤ max; a missing bound is unknown. */
export interface Bound {
  readonly min: Dim | undefined;
  readonly max: Dim | undefined;
}

/** Where the prover finds its facts. */
export interface BoundSource {
  bound(name: string): Bound | undefined;
  /** Dims known to be ≥ 0. */
  readonly inequalities: readonly Dim[];
}

const everything: Range = { min: -Infinity, max: Infinity };
const times = (a: number, b: number): number => (a === 0 || b === 0 ? 0 : a * b);

function multiplyRanges(a: Range, b: Range): Range {
  const corners = [times(a.min, b.min), times(a.min, b.max), times(a.max, b.min), times(a.max, b.max)];
  return { min: Math.min(...corners), max: Math.max(...corners) };
}

const quotient = (x: number, by: number): number => (by === Infinity ? (x < 0 ? -1 : 0) : Math.floor(x / by));

function divideRanges(a: Range, b: Range): Range {
  const low = Math.max(1, b.min);
  const corners = [quotient(a.min, low), quotient(a.min, b.max), quotient(a.max, low), quotient(a.max, b.max)];
  return { min: Math.min(...corners), max: Math.max(...corners) };
}

// Elimination steps for one question: real index maps need fewer than twenty.
const stepLimit = 160;
/** Sums that would be larger than this, multiplied out, are left unknown. */
const largestExpansion = 4_096;

/** Interval analysis and proofs over one set of bounds. Answers are kept by the text of the dim. */
export class Bounds {
  private readonly ranges = new Map<string, Range>();
  private readonly proofs = new Map<string, boolean>();

  constructor(private readonly source: BoundSource) {}

  /** Numeric bounds of `d`. */
  range(d: Dim): Range {
    let [min, max] = [0, 0];
    for (const term of d.terms) {
      const r = this.termRange(term);
      min += r.min;
      max += r.max;
    }
    return { min, max };
  }

  private termRange(term: Term): Range {
    let range: Range = { min: term.coefficient, max: term.coefficient };
    for (const atom of term.factors) range = multiplyRanges(range, this.atomRange(atom));
    return range;
  }

  private atomRange(atom: Atom): Range {
    const known = this.ranges.get(atom.key);
    if (known) return known;
    const range = this.computeRange(atom);
    this.ranges.set(atom.key, range);
    return range;
  }

  private computeRange(atom: Atom): Range {
    if (atom.kind === 'var') return this.variableRange(atom.name);
    const [a, b] = [this.range(atom.a), this.range(atom.b)];
    switch (atom.kind) {
      case 'floor_div':
        return divideRanges(a, b);
      case 'mod':
        return a.min >= 0 ? { min: 0, max: Math.min(a.max, b.max - 1) } : { min: 0, max: b.max - 1 };
      case 'min':
        return { min: Math.min(a.min, b.min), max: Math.min(a.max, b.max) };
      case 'max':
        return { min: Math.max(a.min, b.min), max: Math.max(a.max, b.max) };
    }
  }

  private variableRange(name: string): Range {
    const bound = this.source.bound(name);
    if (!bound) return everything;
    return {
      min: bound.min ? this.range(bound.min).min : -Infinity,
      max: bound.max ? this.range(bound.max).max : Infinity,
    };
  }

  /** True when d ≥ 0 is proved. */
  nonNegative(d: Dim): boolean {
    const known = this.proofs.get(d.key);
    if (known !== undefined) return known;
    const proved = this.prove(d, { left: stepLimit });
    this.proofs.set(d.key, proved);
    return proved;
  }

  private prove(d: Dim, steps: { left: number }): boolean {
    const { min, max } = this.range(d);
    if (min >= 0) return true;
    const work = expansion(d);
    steps.left -= 1 + Math.floor(work / 128);
    if (max < 0 || work > largestExpansion || steps.left < 0) return false;
    return this.proved(d) || this.shifted(d) || this.eliminate(d, steps) || this.combine(d, steps);
  }

  private proved(d: Dim): boolean {
    return this.proofs.get(d.key) === true;
  }

  // With x = min + x′, x′ ≥ 0, for every atom: non-negative coefficients make a non-negative sum.
  private shifted(d: Dim): boolean {
    let bounded = true;
    const moved = mapAtoms(d, (atom) => {
      const { min } = this.atomRange(atom);
      if (min === -Infinity) bounded = false;
      return bounded && min !== 0 ? add(fromAtom(atom), constant(min)) : undefined;
    });
    return bounded && moved.terms.every((term) => term.coefficient >= 0);
  }

  private eliminate(d: Dim, steps: { left: number }): boolean {
    const seen = new Set<string>();
    for (const term of d.terms) {
      for (const atom of term.factors) {
        if (seen.has(atom.key)) continue;
        seen.add(atom.key);
        const linear = splitLinear(d, atom);
        if (linear && this.eliminateAtom(atom, linear, steps)) return true;
      }
    }
    return false;
  }

  private eliminateAtom(atom: Atom, { slope, rest }: Linear, steps: { left: number }): boolean {
    const up = this.prove(slope, steps);
    if (!up && !this.prove(negate(slope), steps)) return false;
    const at = (value: Dim | undefined): boolean =>
      value !== undefined && this.prove(add(rest, mul(slope, value)), steps);
    switch (atom.kind) {
      case 'var': {
        const bound = this.source.bound(atom.name);
        // A lower bound that is a number is what `shifted` has tried already.
        return up ? bound?.max !== undefined && at(bound.min) : at(bound?.max);
      }
      case 'mod':
        return at(up ? zero : sub(atom.b, 1)) || (!up && this.prove(atom.a, steps) && at(atom.a));
      case 'min':
        return up ? at(atom.a) && at(atom.b) : at(atom.a) || at(atom.b);
      case 'max':
        return up ? at(atom.a) || at(atom.b) : at(atom.a) && at(atom.b);
      // a − b + 1 ≤ b·⌊a/b⌋ ≤ a, and d ≥ 0 exactly when b·d + b − 1 ≥ 0.
      case 'floor_div': {
        const edge = up ? add(sub(atom.a, atom.b), 1) : atom.a;
        const scaled = add(mul(atom.b, rest), mul(slope, edge));
        return this.prove(add(scaled, sub(atom.b, 1)), steps);
      }
    }
  }

  // d ≥ 0 when c·d − m·f ≥ 0 for a known f ≥ 0 and m ≥ 0 chosen to cancel a negative term of d.
  private combine(d: Dim, steps: { left: number }): boolean {
    for (const fact of this.source.inequalities) {
      for (const term of d.terms) {
        if (term.coefficient >= 0) continue;
        for (const cancelling of fact.terms) {
          const rest = this.cancel(d, term, fact, cancelling);
          if (rest && steps.left > 0 && this.prove(rest, steps)) return true;
        }
      }
    }
    return false;
  }

  private cancel(d: Dim, term: Term, fact: Dim, by: Term): Dim | undefined {
    if (by.coefficient >= 0 || by.factors.length === 0) return undefined;
    const multiplier = divideExactly(fromTerms([{ ...term, coefficient: 1 }]), fromTerms([{ ...by, coefficient: 1 }]));
    if (!multiplier || this.range(multiplier).min < 0) return undefined;
    return sub(mul(d, -by.coefficient), mul(mul(fact, multiplier), -term.coefficient));
  }
}

// Terms that `shifted` multiplies out: two for each factor.
const expansion = (d: Dim): number => d.terms.reduce((sum, term) => sum + 2 ** term.factors.length, 0);

interface Linear {
  readonly slope: Dim;
  readonly rest: Dim;
}

/** d = slope·atom + rest with no `atom` among the factors of either; undefined when it is squared. */
export function splitLinear(d: Dim, atom: Atom): Linear | undefined {
  const slope: Term[] = [];
  const rest: Term[] = [];
  for (const term of d.terms) {
    const others = term.factors.filter((factor) => factor.key !== atom.key);
    if (others.length === term.factors.length) rest.push(term);
    else if (others.length < term.factors.length - 1) return undefined;
    else slope.push({ coefficient: term.coefficient, factors: others, key: others.map((f) => f.key).join('*') });
  }
  return { slope: fromTerms(slope), rest: fromTerms(rest) };
}
