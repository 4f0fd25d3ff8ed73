// The dim algebra against plain integers.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  add,
  asConstant,
  ceilDiv,
  constant,
  divideExactly,
  evaluateDim,
  floorDiv,
  mod,
  mul,
  splitDivisible,
  sub,
  substitute,
  variable,
  type Dim,
  type DimLike,
} from '../../src/ir/dim.ts';
import { parseDim } from '../../src/ir/text/reader.ts';
import { builders, dimOf, trees, valueOf, type Builders } from './dim-trees.ts';
import { runs } from '../support/property-settings.ts';

const names = ['a', 'b', 'n', 'm'];
const environments = fc.record({
  a: fc.integer({ min: -12, max: 12 }),
  b: fc.integer({ min: -12, max: 12 }),
  n: fc.integer({ min: 1, max: 9 }),
  m: fc.integer({ min: 1, max: 9 }),
});

const check = (build: Builders): { failed: boolean; report: string } => {
  const result = fc.check(
    fc.property(trees(names, ['n', 'm']), environments, (tree, env) => {
      const expected = valueOf(tree, env);
      fc.pre(expected !== undefined);
      return evaluateDim(dimOf(tree, build), (name) => env[name as 'a']) === expected;
    }),
    { numRuns: runs(4000) },
  );
  return { failed: result.failed, report: fc.defaultReportMessage(result) ?? '' };
};

const [h, s, i, j, k, n, m] = ['h', 's', 'i', 'j', 'k', 'n', 'm'].map(variable) as [Dim, Dim, Dim, Dim, Dim, Dim, Dim];

// Cancels ⌊(a + b)/b⌋ to ⌊a/b⌋.
const wrong = (a: DimLike, b: DimLike): Dim => {
  const d = floorDiv(a, b);
  return d.terms.length > 1 && (d.terms.at(-1)?.factors.length ?? 1) === 0
    ? sub(d, d.terms.at(-1)?.coefficient ?? 0)
    : d;
};

describe('dims', () => {
  it('keep the value of every expression', () => {
    const result = check(builders);
    expect(result.failed, result.report).toBe(false);
  });

  it('are caught when a rule is wrong', () => {
    expect(check({ ...builders, floorDiv: wrong }).failed).toBe(true);
  });

  it('read back what they print, and stay what they are when rebuilt', () => {
    fc.assert(
      fc.property(trees(names, ['n', 'm']), (tree) => {
        const d = dimOf(tree);
        expect(parseDim(d.key).key).toBe(d.key);
        expect(substitute(d, (name) => variable(name)).key).toBe(d.key);
      }),
      { numRuns: runs(1000) },
    );
  });

  it('divide polynomials with a rest', () => {
    fc.assert(
      fc.property(trees(names, ['n', 'm']), trees(names, ['n', 'm']), (x, y) => {
        const [d, by] = [dimOf(x), dimOf(y)];
        fc.pre(by.terms.length > 0);
        const { quotient, rest } = splitDivisible(d, by);
        expect(asConstant(sub(add(mul(quotient, by), rest), d))).toBe(0);
      }),
      { numRuns: runs(500) },
    );
  });

  it('are equal when they are the same polynomial', () => {
    expect(add(floorDiv(sub(h, 1), s), 1).key).toBe(ceilDiv(h, s).key);
    expect(add(floorDiv(sub(h, 1), 2), 1).key).toBe(ceilDiv(h, 2).key);
    expect(mul(add(n, m), sub(n, m)).key).toBe('-m*m + n*n');
    expect(floorDiv(add(mul(i, n), j), n).key).toBe('floor_div(j, n) + i');
    expect(mod(add(mul(i, n), j), n).key).toBe('mod(j, n)');
    expect(floorDiv(add(mul(i, sub(n, 1)), j), sub(n, 1)).key).toBe('floor_div(j, n - 1) + i');
    expect(divideExactly(mul(sub(n, 1), add(m, i)), sub(n, 1))?.key).toBe('i + m');
  });

  it('put back together what reshapes take apart', () => {
    const joined = add(mul(n, floorDiv(i, n)), mod(i, n));
    expect(joined.key).toBe('i');
    const [outer, middle, inner] = [floorDiv(i, mul(n, k)), mod(floorDiv(i, k), n), mod(i, k)];
    expect(add(mul(mul(n, k), outer), add(mul(k, middle), inner)).key).toBe('i');
    expect(add(mul(k, middle), inner).key).toBe(mod(i, mul(n, k)).key);
    expect(floorDiv(floorDiv(i, 3), 4).key).toBe('floor_div(i, 12)');
    expect(mod(mod(i, 12), 4).key).toBe('mod(i, 4)');
    expect(floorDiv(mod(i, 12), 4).key).toBe('mod(floor_div(i, 4), 3)');
  });

  it('refuse divisors that are not positive', () => {
    expect(() => floorDiv(n, 0)).toThrow(RangeError);
    expect(() => mod(n, constant(-2))).toThrow(RangeError);
  });
});
