// Graph text: the round-trip law on random functions, how it reads, and what it refuses.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Builder } from '../../src/ir/builder.ts';
import { dim, variable } from '../../src/ir/dim.ts';
import { Facts } from '../../src/ir/dim-solver.ts';
import { parseFunction, parseGraph, printFunction, printGraph } from '../../src/ir/graph-text.ts';
import { verifyFunction } from '../../src/ir/graph-verify.ts';
import type { GraphFunction, GraphModule, Value } from '../../src/ir/graph.ts';
import { interpret } from '../../src/ir/interpreter.ts';
import { hostScalars } from '../../src/passes/host-scalars.ts';
import { parseDim } from '../../src/ir/text/reader.ts';
import { createSource } from '../../src/support/source.ts';
import { difference, graphCases, moduleOf } from '../support/random-graph.ts';
import { runs } from '../support/property-settings.ts';

const source = createSource('random.dlm', 'x'.repeat(400));
const sources = new Map([[source.name, source]]);
const count = { count: () => {} };

function mlp(): GraphFunction {
  const dims = [{ name: 'b', min: 1, max: 512 }, { name: 'h', min: 1 }];
  const facts = [{ kind: 'multiple' as const, lhs: variable('h'), modulus: dim(8) }, { kind: '>=0' as const, lhs: parseDim('h - 2*b') }];
  const x: Value = { type: { dtype: 'f32', shape: [variable('b'), dim(784)] }, name: 'x' };
  const w: Value = { type: { dtype: 'f32', shape: [variable('h'), dim(784)] }, name: 'fc1.weight' };
  const b = new Builder(new Facts(dims, facts));
  b.origin = [{ source, start: 3, end: 20 }];
  const y = b.dot(x, w, [], [[1, 1]]);
  const half = b.mul(y, b.like(y, 0.5));
  return {
    name: 'Mlp.forward', kind: 'entry', dims, facts, nodes: b.nodes, host: [],
    inputs: [{ name: 'x', role: 'argument', value: x }, { name: 'fc1.weight', role: 'param', value: w }],
    results: [{ name: '0', role: 'output', value: half }, { name: 'fc1.weight', role: 'update', value: w }],
  };
}

const span = { source, start: 0, end: 9 };

const module: GraphModule = {
  name: 'mlp "quoted"',
  functions: [mlp()],
  entries: { 'Mlp.forward': { name: 'Mlp.forward', doc: 'Two\nlines.', returns: { kind: 'tuple', items: [{ name: 'y', item: { kind: 'tensor', result: '0' } }] }, span } },
  models: [{
    name: 'Mlp', doc: '', config: { hidden: '256', 'odd key': 'x' }, entries: { forward: 'Mlp.forward' }, init: 'Mlp.init',
    parameters: [{ path: 'fc1.weight', type: { dtype: 'f32', shape: [dim(256), dim(784)] }, role: 'param', frozen: false, aliases: [], span }],
  }],
  trains: [{
    name: 'Fit', doc: '', models: [{ name: 'net', model: 'Mlp' }], batch: [{ name: 'x', type: { dtype: 'f32', shape: [variable('b'), dim(784)] } }],
    options: [{ name: 'lr', dtype: 'f32', default: 1e-3 }, { name: 'wd', dtype: 'f32', default: null }],
    slots: [{ name: 'm:fc1.weight', type: { dtype: 'f32', shape: [dim(2)] }, initial: -0.5 }], losses: ['loss'], metrics: [],
    step: 'Fit.step', evaluate: 'Fit.evaluate', span,
  }],
};

describe('graph text', () => {
  it('reads as people write', () => {
    expect(printFunction(mlp())).toMatchInlineSnapshot(`
      "func @Mlp.forward(
        %x: f32[b, 784] argument "x",
        %fc1.weight: f32[h, 784] param "fc1.weight"
      ) entry dims (b >= 1 <= 512, h >= 1) facts (h % (8) == 0, -2*b + h >= 0) {
        %0 = dot(%x, %fc1.weight) {batch = [], contract = [[1, 1]]} : f32[b, h] at "random.dlm:3-20"
        %1 = constant() {dtype = "f32", value = 0.5} : f32[] at "random.dlm:3-20"
        %2 = broadcast(%1) {axes = [], shape = <b, h>} : f32[b, h] at "random.dlm:3-20"
        %3 = mul(%0, %2) : f32[b, h] at "random.dlm:3-20"
        return output "0" %3, update "fc1.weight" %fc1.weight;
      }"
    `);
  });

  it('reads back to the same module', () => {
    expect(parseGraph(printGraph(module), sources)).toEqual(module);
  });

  it('keeps random functions, host scalars among them', () => {
    let hosts = 0;
    fc.assert(fc.property(graphCases(), ({ fn, inputs }) => {
      for (const each of [fn, ...hostScalars.run(moduleOf(fn), count).functions]) {
        const back = parseFunction(printFunction(each), sources);
        expect(back).toEqual(each);
        expect(printFunction(back)).toBe(printFunction(each));
        expect(difference(interpret(back, inputs), interpret(fn, inputs))).toBe(0);
        hosts += each.host.length;
      }
    }), { numRuns: runs(150) });
    expect(hosts).toBeGreaterThan(0);
  });

  it('keeps regions and odd names', () => {
    const p: Value = { type: { dtype: 'f32', shape: [] }, name: 'odd name' };
    const c: Value = { type: { dtype: 'f32', shape: [] } };
    const fn: GraphFunction = {
      name: 'odd/name', kind: 'init', dims: [], facts: [], inputs: [{ name: '3', role: 'slot', value: { type: c.type, name: '3' } }], host: [],
      nodes: [{ op: 'scan', inputs: [], attrs: { flag: true, list: [1, dim(2), 'x', [-0, 1e-9]] }, outputs: [c], origin: [], regions: [{ params: [p], nodes: [], results: [p, c] }] }],
      results: [],
    };
    // The law does not ask whether the body may use the node's own result; the verifier does.
    const ordered = { ...fn, nodes: fn.nodes.map((node) => ({ ...node, regions: node.regions.map((region) => ({ ...region, results: [p] })) })) };
    expect(parseFunction(printFunction(ordered))).toEqual(ordered);
  });

  it('is what docs/ir.md shows', () => {
    const shown = /## Graph\n\n```\n([^`]*)\n```/.exec(readFileSync('docs/ir.md', 'utf8'))?.[1] ?? '';
    const fn = parseFunction(shown);
    expect(printFunction(fn)).toBe(shown);
    expect(verifyFunction(fn)).toEqual([]);
  });

  it.each([
    ['func @f() entry { return output "0" %9; }', 'line 1: %9 is not defined'],
    ['func @f(\n%x: f33[b] argument "x") entry { return; }', 'line 2: expected a dtype, found f33'],
    ['func @f() nonsense { return; }', 'line 1: expected entry or init or step or evaluate, found nonsense'],
    ['func @f() entry { %1 = add() : f32[] %1 = add() : f32[] return; }', 'line 1: %1 is defined twice'],
    ['func @f() entry { return ?', 'line 1: unexpected "?"'],
    ['func @f(', 'line 1: the text ends too early'],
  ])('refuses %j', (text, message) => {
    expect(() => parseFunction(text)).toThrow(message);
  });
});
