// The verifier finds each kind of damage.
import { describe, expect, it } from 'vitest';
import { parseFunction } from '../../src/ir/graph-text.ts';
import { verifyFunction, verifyGraph } from '../../src/ir/graph-verify.ts';
import { moduleOf } from '../support/random-graph.ts';

const inputs = '%x: f32[b, 4] argument "x", %w: f32[4] param "w"';
const problems = (body: string, signature = inputs): string[] => verifyFunction(parseFunction(`func @f(${signature}) step dims (b >= 1) {${body}}`));

describe('the graph verifier', () => {
  it('accepts what is right', () => {
    expect(problems('%1 = exp(%x) : f32[b, 4] return output "0" %1, update "w" %w;')).toEqual([]);
  });

  it.each([
    ['a wrong type', '%1 = exp(%x) : f32[b, 5] return;', 'result 0 of node 0 (exp) is f32[b, 5], not f32[b, 4]'],
    ['a wrong dtype', '%1 = exp(%x) : i32[b, 4] return;', 'result 0 of node 0 (exp) is i32[b, 4], not f32[b, 4]'],
    ['operands that differ', '%1 = add(%x, %w) : f32[b, 4] return;', 'node 0 (add)'],
    ['an unknown op', '%1 = nonsense(%x) : f32[b, 4] return;', 'nonsense'],
    ['an unknown attribute', '%1 = exp(%x) {speed = 2} : f32[b, 4] return;', 'node 0 (exp) has the attribute speed'],
    ['an undeclared dim', '%1 = iota() {dtype = "i32", shape = <q>, axis = 0} : i32[q] return;', 'has the dim q, which is not declared'],
    ['an update of nothing', 'return update "v" %w;', 'an update of v, which is no input'],
    ['an update of another type', 'return update "w" %x;', 'the update of w is f32[b, 4], not f32[4]'],
    ['outputs of one name', 'return output "0" %x, output "0" %w;', 'two results (output) are named 0'],
    ['a host scalar for nothing', 'return; host "lr" f32 region () { %1 = constant() {dtype = "f32", value = 1} : f32[] yield %1; }', 'host scalar lr feeds no step input'],
  ])('finds %s', (_, body, expected) => {
    expect(problems(body).join('\n')).toContain(expected);
  });

  it('finds a use before its definition', () => {
    const fn = parseFunction(`func @f(${inputs}) entry dims (b >= 1) { %1 = exp(%x) : f32[b, 4] %2 = exp(%1) : f32[b, 4] return output "0" %2; }`);
    expect(verifyFunction({ ...fn, nodes: fn.nodes.toReversed() })).toEqual(['f: node 0 (exp) uses a f32[b, 4] before it is defined']);
  });

  it('finds functions that are missing', () => {
    const fn = parseFunction('func @f() entry { return; }');
    const entry = { name: 'g', doc: '', returns: { kind: 'list' as const, items: [] }, span: { source: { name: '', text: '', lineStarts: [0] }, start: 0, end: 0 } };
    expect(verifyGraph({ ...moduleOf(fn), entries: { g: entry } })).toEqual(['entry g names the function g, which does not exist']);
  });
});
