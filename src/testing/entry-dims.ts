// Draws dims that an entry accepts. Equations and divisibility are solved as the compiler solves them
// (v = …, v = k·q); what is left is searched in a small box, cut by intervals, near a random point.
import * as fc from 'fast-check';
import { asConstant, evaluateDim, sub, variable, variables, type Dim } from '../ir/dim.ts';
import { Bounds, splitLinear } from '../ir/dim-bounds.ts';
import { NormalForm } from '../ir/dim-normal.ts';
import type { DimVariable, Fact } from '../ir/graph.ts';
import { parseConstraint } from './constraints.ts';
import type { Dims, EntryMeta } from './entry.ts';

/** What dims to draw. */
export interface DimsOptions {
  /** Largest value of a dim, or its smallest and largest. */
  readonly limits?: Readonly<Record<string, number | readonly [min: number, max: number]>>;
  /** How many values of each free dim are tried, from its smallest on. Default 8. */
  readonly size?: number;
}

/** An unknown of the search and the values it may take. */
interface Unknown {
  readonly name: string;
  readonly low: number;
  readonly high: number;
}

// A box is doubled until it holds a solution; further out nobody wants to run a test.
const largestBox = 4096;
const stepLimit = 20_000;

class DimSearch {
  private readonly normal: NormalForm;
  private readonly dims: readonly DimVariable[];
  private readonly facts: readonly Fact[];
  private readonly solved: ReadonlyMap<string, Dim>;
  private readonly constraints: readonly Fact[];
  readonly unknowns: readonly Unknown[];

  constructor(entry: EntryMeta, { limits = {}, size = 8 }: DimsOptions) {
    this.dims = Object.entries(entry.dims).map(([name, { min }]) => ({ name, min }));
    for (const name of Object.keys(limits)) if (!entry.dims[name]) throw new RangeError(`the entry has no dim ${name}`);
    this.facts = [...entry.requires.map(parseConstraint), ...Object.entries(limits).flatMap(limitFacts)];
    this.normal = new NormalForm(this.dims, this.facts);
    this.solved = new Map(this.dims.map(({ name }) => [name, this.normal.apply(variable(name))]));
    this.constraints = [
      ...this.facts.map((fact) => ({ ...fact, lhs: this.normal.apply(fact.lhs) })),
      ...this.dims.map(({ name, min }): Fact => ({ kind: '>=0', lhs: sub(this.normal.apply(variable(name)), min) })),
    ];
    this.unknowns = this.boxWithSolution(size, entry);
  }

  private boxWithSolution(size: number, entry: EntryMeta): readonly Unknown[] {
    const names = [...new Set([...this.solved.values()].flatMap((d) => [...variables(d)]))];
    for (let box = size; box <= largestBox; box *= 2) {
      const unknowns = names.map((name) => this.unknown(name, box));
      if (unknowns.every(({ low, high }) => low <= high) && this.find(unknowns, [])) return unknowns;
    }
    throw new RangeError(`no small dims satisfy ${entry.requires.join(' and ') || 'the limits'}`);
  }

  // Constraints with one unknown in them narrow its values.
  private unknown(name: string, box: number): Unknown {
    const bound = this.normal.bounds.get(name);
    let [low, high] = [
      (bound?.min && asConstant(bound.min)) ?? -Infinity,
      (bound?.max && asConstant(bound.max)) ?? Infinity,
    ];
    for (const { kind, lhs } of this.constraints) {
      const linear = kind === '>=0' && splitLinear(lhs, { kind: 'var', name, key: name });
      const [slope, rest] = linear ? [asConstant(linear.slope), asConstant(linear.rest)] : [];
      if (!slope || rest === undefined) continue;
      if (slope > 0) low = Math.max(low, Math.ceil(-rest / slope));
      else high = Math.min(high, Math.floor(rest / -slope));
    }
    if (low === -Infinity) low = high === Infinity ? -Math.floor(box / 2) : high - box + 1;
    return { name, low, high: Math.min(high, low + box - 1) };
  }

  /** The dims nearest to the picked corner of the box, in the order of the search. */
  nearest(picks: readonly number[]): Dims {
    const found = this.find(this.unknowns, picks);
    if (!found) throw new RangeError('a box with a solution has lost it');
    return found;
  }

  private find(unknowns: readonly Unknown[], picks: readonly number[]): Dims | undefined {
    const values = new Map<string, number>();
    let steps = stepLimit;
    const descend = (at: number): Dims | undefined => {
      const unknown = unknowns[at];
      if (--steps < 0 || this.refuted(unknowns, values)) return undefined;
      if (!unknown) return this.accepted(values);
      for (const value of outwards(unknown, picks[at] ?? 0)) {
        values.set(unknown.name, value);
        const found = descend(at + 1);
        if (found) return found;
      }
      values.delete(unknown.name);
      return undefined;
    };
    return descend(0);
  }

  private refuted(unknowns: readonly Unknown[], values: ReadonlyMap<string, number>): boolean {
    const box = new Map(unknowns.map(({ name, low, high }) => [name, { low, high }]));
    const bounds = new Bounds({
      bound: (name) => {
        const value = values.get(name);
        const [low, high] = [value ?? box.get(name)?.low, value ?? box.get(name)?.high];
        return {
          min: low === undefined ? undefined : constantDim(low),
          max: high === undefined ? undefined : constantDim(high),
        };
      },
      inequalities: [],
    });
    return this.constraints.some(({ kind, lhs }) => {
      const { min, max } = bounds.range(lhs);
      return (kind !== 'multiple' && max < 0) || (kind === '==0' && min > 0);
    });
  }

  // All unknowns have values: the dims themselves, checked against the facts as they were written.
  private accepted(values: ReadonlyMap<string, number>): Dims | undefined {
    const dims = Object.fromEntries(
      [...this.solved].map(([name, d]) => [name, evaluateDim(d, (unknown) => values.get(unknown))]),
    );
    const fits =
      this.dims.every(({ name, min }) => (dims[name] ?? min) >= min) && this.facts.every((f) => holds(f, dims));
    return fits ? dims : undefined;
  }
}

const constantDim = (value: number): Dim => sub(value, 0);

function limitFacts([name, limit]: readonly [string, number | readonly [number, number]]): Fact[] {
  const [min, max] = typeof limit === 'number' ? [-Infinity, limit] : limit;
  const upper: Fact = { kind: '>=0', lhs: sub(max, variable(name)) };
  return min === -Infinity ? [upper] : [upper, { kind: '>=0', lhs: sub(variable(name), min) }];
}

// The picked value, smaller ones, then larger ones: a smaller pick gives smaller dims.
function* outwards({ low, high }: Unknown, pick: number): Generator<number> {
  const start = Math.min(low + pick, high);
  for (let value = start; value >= low; value--) yield value;
  for (let value = start + 1; value <= high; value++) yield value;
}

/** Whether dims satisfy a fact. */
export function holds({ kind, lhs, modulus }: Fact, dims: Dims): boolean {
  const value = evaluateDim(lhs, (name) => dims[name]);
  if (kind === '>=0') return value >= 0;
  if (kind === '==0') return value === 0;
  const by = modulus ? evaluateDim(modulus, (name) => dims[name]) : 1;
  return by !== 0 && value % by === 0;
}

/** Dims that an entry accepts; they shrink towards the smallest. @throws RangeError where none are found */
export function dimsArbitrary(entry: EntryMeta, options: DimsOptions = {}): fc.Arbitrary<Dims> {
  const search = new DimSearch(entry, options);
  const picks = search.unknowns.map(({ low, high }) => fc.nat({ max: high - low }));
  return fc.tuple(...picks).map((drawn) => search.nearest(drawn));
}
