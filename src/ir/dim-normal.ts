// Turns facts about dims into substitutions: `e == 0` and `e % k == 0` with a variable that stands
// alone replace that variable (v = …, or v = k·q for a new q), everywhere. The rest stay inequalities.
import {
  add,
  asConstant,
  divideExactly,
  floorDiv,
  fromTerms,
  gcd,
  mul,
  negate,
  sub,
  substitute,
  variable,
  variables,
  constant,
  type Dim,
} from './dim.ts';
import { splitLinear, type Bound } from './dim-bounds.ts';
import type { DimVariable, Fact } from './graph.ts';

/** A new variable that stands for ⌊of / by⌋, which divides exactly. */
interface Quotient {
  readonly name: string;
  readonly of: Dim;
  readonly by: Dim;
}

/** The facts of a function in solved form. */
export class NormalForm {
  readonly bounds = new Map<string, Bound>();
  readonly inequalities: Dim[] = [];
  private readonly replacements = new Map<string, Dim>();
  private readonly quotients: Quotient[] = [];

  constructor(dims: readonly DimVariable[], facts: readonly Fact[]) {
    for (const { name, min, max } of dims)
      this.bounds.set(name, { min: constant(min), max: max === undefined ? undefined : constant(max) });
    for (const fact of facts) if (fact.kind === '==0') this.addEquality(fact.lhs);
    for (const fact of facts) if (fact.kind === 'multiple') this.addMultiple(fact.lhs, fact.modulus ?? constant(1));
    for (const fact of facts) if (fact.kind === '>=0') this.inequalities.push(fact.lhs);
    const unsolved = this.inequalities.splice(0);
    this.inequalities.push(...unsolved.map((d) => this.apply(d)));
    for (const d of this.inequalities) this.tighten(d);
  }

  /** `d` with every solved variable replaced. */
  apply(d: Dim): Dim {
    return this.replacements.size === 0 ? d : substitute(d, (name) => this.replacements.get(name));
  }

  /** `d` in terms of the function's own variables again: k·q becomes e, a lone q becomes ⌊e / k⌋. */
  restore(d: Dim): Dim {
    let result = d;
    for (const { name, of, by } of this.quotients.toReversed()) {
      if (!result.key.includes(name)) continue;
      const linear = splitLinear(result, { kind: 'var', name, key: name });
      const whole = linear && divideExactly(linear.slope, by);
      const part = linear && divideExactly(by, linear.slope);
      if (linear && whole) result = add(linear.rest, mul(whole, of));
      else if (linear && part && (asConstant(part) ?? 0) > 0) result = add(linear.rest, floorDiv(of, part));
      result = substitute(result, (other) => (other === name ? floorDiv(of, by) : undefined));
    }
    return result;
  }

  // c·v + k ≥ 0 is a bound of v: v ≥ ⌈−k / c⌉, or v ≤ ⌊k / −c⌋ where c is negative.
  private tighten(d: Dim): void {
    const [linear] = d.terms.filter(({ factors }) => factors.length > 0);
    const [atom] = linear?.factors ?? [];
    const rest = asConstant(fromTerms(d.terms.filter((term) => term !== linear)));
    if (!linear || atom?.kind !== 'var' || linear.factors.length !== 1 || rest === undefined) return;
    const { min, max } = this.bounds.get(atom.name) ?? { min: undefined, max: undefined };
    const [low, high] = [min && asConstant(min), max && asConstant(max)];
    const edge = -rest / linear.coefficient;
    if (linear.coefficient > 0 && (min === undefined || (low !== undefined && low < edge)))
      this.bounds.set(atom.name, { min: constant(Math.ceil(edge)), max });
    if (linear.coefficient < 0 && (max === undefined || (high !== undefined && high > edge)))
      this.bounds.set(atom.name, { min, max: constant(Math.floor(edge)) });
  }

  private addEquality(lhs: Dim): void {
    const d = this.apply(lhs);
    const name = loneVariable(d);
    if (name === undefined) this.inequalities.push(d, negate(d));
    else this.replace(name, valueOf(d, name, constant(0)));
  }

  private addMultiple(lhs: Dim, modulus: Dim): void {
    let [d, by] = [this.apply(lhs), this.apply(modulus)];
    const [only] = d.terms;
    const k = asConstant(by);
    if (d.terms.length === 1 && only && k !== undefined) {
      const g = gcd(only.coefficient, k);
      [d, by] = [fromTerms([{ ...only, coefficient: 1 }]), constant(k / g)];
    }
    const name = loneVariable(d, variables(by));
    if (name === undefined || asConstant(by) === 1) return;
    const quotient = { name: `${d.key}/${by.key}`, of: d, by };
    this.quotients.push(quotient);
    this.bounds.set(quotient.name, this.quotientBound(d, by));
    this.replace(name, valueOf(d, name, mul(by, variable(quotient.name))));
  }

  // d = by·q with by ≥ 1: q ≥ ⌈min d / by⌉ where both are numbers, else q has the sign of d.
  private quotientBound(d: Dim, by: Dim): Bound {
    const [only] = d.terms;
    const atom = d.terms.length === 1 ? only?.factors[0] : undefined;
    const min = atom?.kind === 'var' ? asConstant(this.bounds.get(atom.name)?.min ?? d) : undefined;
    if (min === undefined || min < 0) return { min: undefined, max: undefined };
    return { min: constant(Math.ceil(min / (asConstant(by) ?? Math.max(min, 1)))), max: undefined };
  }

  private replace(name: string, value: Dim): void {
    for (const [other, before] of this.replacements)
      this.replacements.set(
        other,
        substitute(before, (v) => (v === name ? value : undefined)),
      );
    this.replacements.set(name, value);
    const bound = this.bounds.get(name);
    if (bound?.min) this.inequalities.push(sub(value, bound.min));
    if (bound?.max) this.inequalities.push(sub(bound.max, value));
  }
}

// A variable that is one whole term with coefficient ±1 and occurs nowhere else in d.
function loneVariable(d: Dim, barred: ReadonlySet<string> = new Set()): string | undefined {
  for (const term of d.terms) {
    const [atom] = term.factors;
    if (atom?.kind !== 'var' || term.factors.length !== 1 || Math.abs(term.coefficient) !== 1) continue;
    const others = variables(fromTerms(d.terms.filter((other) => other !== term)));
    if (!others.has(atom.name) && !barred.has(atom.name)) return atom.name;
  }
  return undefined;
}

// Solves d = target for `name`, whose coefficient in d is ±1.
function valueOf(d: Dim, name: string, target: Dim): Dim {
  const term = d.terms.find((t) => t.key === name);
  const rest = fromTerms(d.terms.filter((t) => t !== term));
  return term?.coefficient === -1 ? sub(rest, target) : sub(target, rest);
}
