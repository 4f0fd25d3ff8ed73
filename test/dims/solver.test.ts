// The solver against plain integers: every answer and every rewrite must hold for values that obey the facts.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  add,
  ceilDiv,
  constant,
  evaluateDim,
  floorDiv,
  max,
  min,
  mod,
  mul,
  product,
  sub,
  variable,
} from '../../src/ir/dim.ts';
import { bindShapes, solve } from '../../src/ir/dim-equations.ts';
import { Facts } from '../../src/ir/dim-solver.ts';
import type { DimVariable, Fact } from '../../src/ir/graph.ts';
import { parseDim } from '../../src/ir/text/reader.ts';
import { dimOf, trees, valueOf, type Environment } from './dim-trees.ts';
import { runs } from '../support/property-settings.ts';

const dims: readonly DimVariable[] = ['n', 'm', 'h'].map((name) => ({ name, min: 1 }));
const fact = (kind: Fact['kind'], lhs: string, modulus?: string): Fact => ({
  kind,
  lhs: parseDim(lhs),
  ...(modulus === undefined ? {} : { modulus: parseDim(modulus) }),
});
const factSets: readonly (readonly Fact[])[] = [
  [],
  [fact('multiple', 'h', '4')],
  [fact('multiple', 'h', 'n')],
  [fact('>=0', 'm - n')],
  [fact('==0', 'h - n*m')],
  [fact('==0', 'n - 2*m'), fact('>=0', 'h - 3')],
  [fact('multiple', 'h', '4'), fact('multiple', 'h', '6'), fact('multiple', 'm + n', '2')],
];
const axes = [
  { name: '%i', extent: variable('n') },
  { name: '%j', extent: parseDim('h') },
  { name: '%k', extent: parseDim('m + 1') },
];
const names = ['n', 'm', 'h', '%i', '%j', '%k'];

function obeys(facts: readonly Fact[], env: Environment): boolean {
  return facts.every(({ kind, lhs, modulus }) => {
    const value = evaluateDim(lhs, (name) => env[name]);
    if (kind === '>=0') return value >= 0;
    return kind === '==0' ? value === 0 : value % evaluateDim(modulus ?? constant(1), (name) => env[name]) === 0;
  });
}

function environments(facts: readonly Fact[]): Environment[] {
  const found: Environment[] = [];
  for (let n = 1; n <= 6; n++)
    for (let m = 1; m <= 6; m++)
      for (let h = 1; h <= 12; h++) {
        if (obeys(facts, { n, m, h })) found.push({ n, m, h });
      }
  return found;
}

const scopes = factSets.map((facts) => ({ facts, environments: environments(facts) }));

const check = (make: (facts: readonly Fact[]) => Facts): { failed: boolean; report: string } => {
  const made = scopes.map(({ facts }) => make(facts));
  const result = fc.check(
    fc.property(
      fc.nat({ max: scopes.length - 1 }),
      trees(names, ['n', 'm', 'h']),
      trees(names, ['n', 'm', 'h']),
      fc.array(fc.nat(), { minLength: 24, maxLength: 24 }),
      (at, x, y, picks) => {
        const [scope, facts] = [scopes[at], made[at]];
        if (!scope || !facts) return false;
        const [a, b] = [dimOf(x), dimOf(y)];
        const answers = {
          simple: facts.simplify(a),
          equal: facts.equal(a, b),
          lessEqual: facts.lessEqual(a, b),
          range: facts.range(a),
          divisible: facts.divisible(a, 4),
        };
        for (let round = 0; round < 6; round++) {
          const dimValues = scope.environments[(picks[round] ?? 0) % scope.environments.length] ?? {};
          const extent = [dimValues['n'] ?? 1, dimValues['h'] ?? 1, (dimValues['m'] ?? 1) + 1];
          const env = {
            ...dimValues,
            ...Object.fromEntries(
              axes.map(({ name }, axis) => [name, (picks[6 + 3 * round + axis] ?? 0) % (extent[axis] ?? 1)]),
            ),
          };
          const [va, vb] = [valueOf(x, env), valueOf(y, env)];
          if (va === undefined || vb === undefined) continue;
          if (evaluateDim(answers.simple, (name) => (env as Environment)[name]) !== va) return false;
          if (answers.equal !== 'unknown' && (answers.equal === 'proved') !== (va === vb)) return false;
          if (answers.lessEqual !== 'unknown' && (answers.lessEqual === 'proved') !== va <= vb) return false;
          if (va < answers.range.min || va > answers.range.max) return false;
          if (answers.divisible !== 'unknown' && (answers.divisible === 'proved') !== (va % 4 === 0)) return false;
        }
        return true;
      },
    ),
    { numRuns: runs(1500) },
  );
  return { failed: result.failed, report: fc.defaultReportMessage(result) ?? '' };
};

describe('the dim solver', () => {
  it('never contradicts integers', () => {
    const result = check((facts) => new Facts(dims, facts).withAxes(axes));
    expect(result.failed, result.report).toBe(false);
  });

  it('is caught when a bound is off by one', () => {
    const longer = axes.map(({ name, extent }) => ({ name, extent: sub(extent, 1) }));
    expect(check((facts) => new Facts(dims, facts).withAxes(longer)).failed).toBe(true);
  });

  const facts = new Facts([...dims, ...['b', 'c', 't', 'w'].map((name) => ({ name, min: 1 }))]);
  const d = parseDim;

  it('decides what a range decides, with symbolic extents', () => {
    const f = facts.withAxis('%i', d('b')).withAxis('%j', d('n')).withAxis('%k', d('m'));
    expect(f.simplify(floorDiv(d('%i*n + %j'), d('n'))).key).toBe('%i');
    expect(f.simplify(mod(d('%i*n + %j'), d('n'))).key).toBe('%j');
    const flat = d('%i*n*m + %j*m + %k');
    expect(f.simplify(floorDiv(flat, d('n*m'))).key).toBe('%i');
    expect(f.simplify(mod(floorDiv(flat, d('m')), d('n'))).key).toBe('%j');
    expect(f.simplify(mod(flat, d('m'))).key).toBe('%k');
    expect(f.simplify(mod(flat, d('n*m'))).key).toBe('%j*m + %k');
    expect(f.lessEqual(flat, sub(product([d('b'), d('n'), d('m')]), 1))).toBe('proved');
    expect(f.lessEqual(0, flat)).toBe('proved');
    expect(f.lessEqual(d('b*n*m'), flat)).toBe('refuted');
  });

  it('follows extents that are sums', () => {
    const f = facts
      .extend([{ name: 'u', min: 2 }], [])
      .withAxis('%i', d('c'))
      .withAxis('%j', d('u - 1'));
    expect(f.simplify(floorDiv(d('%i*u - %i + %j'), d('u - 1'))).key).toBe('%i');
    expect(f.simplify(mod(d('%i*u - %i + %j'), d('u - 1'))).key).toBe('%j');
    const tiles = facts.withAxis('%o', ceilDiv(d('n'), 16)).withAxis('%p', 16);
    expect(tiles.lessEqual(d('16*%o + %p'), d('n + 14'))).toBe('proved');
    expect(tiles.simplify(floorDiv(d('16*%o + %p'), 16)).key).toBe('%o');
  });

  it('proves with divisibility, equations and inequalities', () => {
    const heads = new Facts(dims, [fact('multiple', 'h', 'n')]);
    expect(heads.divisible(d('h'), d('n'))).toBe('proved');
    expect(heads.equal(mul(d('n'), floorDiv(d('h'), d('n'))), d('h'))).toBe('proved');
    const eight = new Facts(dims, [fact('multiple', 'h', '8')]);
    expect(eight.divisible(d('h'), 4)).toBe('proved');
    expect(eight.equal(d('h'), 12)).toBe('refuted');
    expect(eight.simplify(mul(8, floorDiv(d('h'), 8))).key).toBe('h');
    expect(eight.simplify(floorDiv(d('h'), 2)).key).toBe('floor_div(h, 2)');
    expect(eight.lessEqual(8, d('h'))).toBe('proved');
    expect(new Facts(dims, [fact('>=0', 'm - n')]).lessEqual(d('n*h'), d('m*h'))).toBe('proved');
    expect(new Facts(dims, [fact('==0', 'h - n*m')]).equal(floorDiv(d('h'), d('m')), d('n'))).toBe('proved');
  });

  it('gives three answers', () => {
    expect(facts.equal(d('b'), d('n'))).toBe('unknown');
    expect(facts.equal(d('b + 1'), d('b'))).toBe('refuted');
    expect(facts.equal(d('2*b'), d('2*n + 1'))).toBe('refuted');
    expect(facts.equal(d('b'), 0)).toBe('refuted');
    expect(facts.lessEqual(1, d('n*m'))).toBe('proved');
    expect(facts.lessEqual(d('n'), d('n*m'))).toBe('proved');
    expect(facts.lessEqual(0, d('t - 1'))).toBe('proved');
    expect(facts.lessEqual(1, d('t - 1'))).toBe('unknown');
    expect(facts.equal(add(floorDiv(d('h - 1'), 2), 1), ceilDiv(d('h'), 2))).toBe('proved');
    expect(facts.simplify(min(d('n'), d('n + m'))).key).toBe('n');
    expect(facts.simplify(max(d('1'), d('n'))).key).toBe('n');
    expect(facts.divisible(d('4*n'), 2)).toBe('proved');
    expect(facts.divisible(d('4*n + 1'), 2)).toBe('refuted');
    expect(facts.divisible(d('n'), 2)).toBe('unknown');
  });

  it('solves what is linear in one unknown', () => {
    const { bindings, unsolved, refuted } = solve(
      [
        [d('2*x + 1'), 9],
        [d('x*y'), d('4*n')],
        [d('z*z'), 16],
      ],
      new Set(['x', 'y', 'z']),
      facts,
    );
    expect([...bindings].map(([name, value]) => `${name} = ${value.key}`)).toEqual(['x = 4', 'y = n']);
    expect(unsolved.map(([a, b]) => `${a.key} = ${b.key}`)).toEqual(['z*z = 16']);
    expect(refuted).toEqual([]);
    expect(solve([[d('2*x'), 9]], new Set(['x']), facts).refuted).toHaveLength(1);
    expect(Object.fromEntries(bindShapes([{ what: 'x', symbolic: [d('b'), d('2*n')], concrete: [3, 8] }]))).toEqual({
      b: 3,
      n: 4,
    });
    expect(() => bindShapes([{ what: 'x', symbolic: [d('b'), d('b')], concrete: [3, 8] }])).toThrow(RangeError);
  });

  it('stays quick over thousands of axes', () => {
    let work = 0;
    for (let nest = 0; nest < 3000; nest++) {
      const f = facts.withAxes([
        { name: `%${nest}a`, extent: d('b') },
        { name: `%${nest}b`, extent: d('n') },
      ]);
      if (
        f.simplify(floorDiv(add(mul(variable(`%${nest}a`), d('n')), variable(`%${nest}b`)), d('n'))).key === `%${nest}a`
      )
        work++;
    }
    expect(work).toBe(3000);
  });
});

describe('facts about one variable', () => {
  const at = (lhs: string): Facts => new Facts([{ name: 'b', min: 1 }], [{ kind: '>=0', lhs: parseDim(lhs) }]);

  it('are bounds of it', () => {
    expect(at('b - 3').range(parseDim('b'))).toEqual({ min: 3, max: Infinity });
    expect(at('2*b - 5').lessEqual(3, parseDim('b'))).toBe('proved');
    expect(at('9 - 2*b').lessEqual(parseDim('b'), 4)).toBe('proved');
    expect(at('b - 3').lessEqual(4, parseDim('b'))).toBe('unknown');
  });
});
