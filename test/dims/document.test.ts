// Every example of docs/dims.md, read from the page: canonical forms, facts, three answers, ranges, solutions.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { solve } from '../../src/ir/dim-equations.ts';
import { Facts } from '../../src/ir/dim-solver.ts';
import { sub, type Dim } from '../../src/ir/dim.ts';
import type { DimVariable, Fact } from '../../src/ir/graph.ts';
import { parseDim } from '../../src/ir/text/reader.ts';

interface Axis {
  readonly name: string;
  readonly extent: Dim;
}

/** What the `given` lines of a block state. */
interface Given {
  readonly variables: DimVariable[];
  readonly facts: Fact[];
  readonly axes: Axis[];
}

function addGiven(given: Given, statement: string): void {
  const { variables: known, facts, axes } = given;
  const [, axis, extent] = /^(%\w+) < (.+)$/.exec(statement) ?? [];
  if (axis && extent) return void axes.push({ name: axis, extent: parseDim(extent) });
  const [, name, low, high] = /^(\w+) in (-?\d+)\.\.(-?\d+)$/.exec(statement) ?? [];
  if (name) return void known.push({ name, min: Number(low), max: Number(high) });
  const [, dividend, modulus] = /^(.+) % (.+) == 0$/.exec(statement) ?? [];
  if (dividend && modulus)
    return void facts.push({ kind: 'multiple', lhs: parseDim(dividend), modulus: parseDim(modulus) });
  const [, a, sign, b] = /^(.+) (==|>=) (.+)$/.exec(statement) ?? [];
  if (!a || !b) throw new RangeError(`given what? ${statement}`);
  facts.push({ kind: sign === '==' ? '==0' : '>=0', lhs: sub(parseDim(a), parseDim(b)) });
}

/** The result of the left side of an example. */
function resultOf(line: string, given: Given, names: readonly string[]): string {
  const bound = new Set(given.variables.map(({ name }) => name));
  const free = names.filter((name) => !bound.has(name)).map((name) => ({ name, min: 1 }));
  const facts = new Facts([...given.variables, ...free], given.facts).withAxes(given.axes);
  const [, range] = /^range (.+)$/.exec(line) ?? [];
  if (range) {
    const { min, max } = facts.range(parseDim(range));
    return `${min} .. ${max}`;
  }
  const [, unknowns, equations] = /^solve (.+) in (.+)$/.exec(line) ?? [];
  if (unknowns && equations) return solution(unknowns.split(', '), equations.split(/, (?![^(]*\))/), facts);
  const [, a, relation, b] = /^(.+) (==|<=|divides) (.+)$/.exec(line) ?? [];
  if (!a || !b) return facts.simplify(parseDim(line)).key;
  const [x, y] = [parseDim(a), parseDim(b)];
  if (relation === '==') return facts.equal(x, y);
  return relation === '<=' ? facts.lessEqual(x, y) : facts.divisible(y, x);
}

function solution(unknowns: readonly string[], equations: readonly string[], facts: Facts): string {
  const pairs = equations.map((text) => text.split(' == ').map(parseDim)).map(([a, b]) => [a ?? 0, b ?? 0] as const);
  const { bindings, unsolved, refuted } = solve(pairs, new Set(unknowns), facts);
  return [
    ...[...bindings].map(([name, value]) => `${name} = ${value.key}`),
    ...unsolved.map(([a, b]) => `unsolved ${a.key} == ${b.key}`),
    ...refuted.map(([a, b]) => `refuted ${a.key} == ${b.key}`),
  ].join(', ');
}

/** The examples of one block: what stands left and right of the arrow, and what comes out. */
function examplesOf(block: string): { line: string; shown: string; actual: string }[] {
  const given: Given = { variables: [], facts: [], axes: [] };
  const lines = block
    .trim()
    .split('\n')
    .map((line) => line.replace(/\s*\/\/.*$/, ''))
    .filter((line) => line !== '');
  const names = [...new Set(block.match(/(?<![%\w])[A-Za-z_]\w*/g))];
  return lines.flatMap((line) => {
    const [, statements] = /^given (.*)$/.exec(line) ?? [];
    if (statements) {
      for (const statement of statements.split(/, (?![^(]*\))/)) addGiven(given, statement);
      return [];
    }
    const [, left, shown] = /^(.*?) +-> +(.*)$/.exec(line) ?? [];
    if (left === undefined || shown === undefined) throw new RangeError(`no example: ${line}`);
    return [{ line: left, shown, actual: resultOf(left, given, names) }];
  });
}

const page = readFileSync('docs/dims.md', 'utf8');
const blocks = [...page.matchAll(/```dims\n([\s\S]*?)```/g)].map(([, block = '']) => block);

describe('docs/dims.md', () => {
  test.each(blocks.flatMap(examplesOf).map(({ line, shown, actual }) => [line, shown, actual]))(
    '%s -> %s',
    (_, shown, actual) => {
      expect(actual).toBe(shown);
    },
  );

  test('has many examples, of all three answers', () => {
    const shown = blocks.flatMap(examplesOf).map((example) => example.shown);
    expect(shown.length).toBeGreaterThan(40);
    expect(shown).toEqual(expect.arrayContaining(['proved', 'refuted', 'unknown']));
  });

  test('an example that is wrong is found', () => {
    const [example] = examplesOf('given h % 4 == 0\n2 divides h -> refuted\n');
    expect(example?.actual).toBe('proved');
  });
});
