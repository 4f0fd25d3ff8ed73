// Text of nests, kernels and plans: the round-trip law on random functions after every lowering pass.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { interpretNests } from '../../src/ir/nest-interpreter.ts';
import { parseNests, printNests } from '../../src/ir/nest-text.ts';
import type { LoopNest, NestModule } from '../../src/ir/nest.ts';
import { parseKernel, printKernel } from '../../src/ir/kernel-text.ts';
import { parseProgram, printProgram } from '../../src/ir/plan-text.ts';
import { walkExprs } from '../../src/ir/expr-rewrite.ts';
import type { Expr } from '../../src/ir/expr.ts';
import { dim } from '../../src/ir/dim.ts';
import { fuse } from '../../src/passes/fuse.ts';
import type { GraphFunction } from '../../src/ir/graph.ts';
import { mapFunctions } from '../../src/passes/graph-rewriter.ts';
import { hostScalars } from '../../src/passes/host-scalars.ts';
import { lowerToNests } from '../../src/passes/lower-to-nests.ts';
import { planFor } from '../../src/passes/plan.ts';
import { simplifyFinal } from '../../src/passes/simplify.ts';
import { createSource } from '../../src/support/source.ts';
import { runs } from '../support/property-settings.ts';
import { graphCases, moduleOf } from '../support/random-graph.ts';

const cx = { count: () => {} };
const source = createSource('random.dlm', 'x'.repeat(400));
const sources = new Map([[source.name, source]]);

const softmax = `nests "m"

func @softmax(
  @x argument "x"
) entry dims (b >= 1, n >= 1) {
  buffer @x: f32[b, n]
  buffer @y: f32[b, n]
  nest "softmax" [%i: b] {
    reduce "r%j" max over [%j: n] (load.f32(@x, %i, %j)) : f32;
    reduce "r%k" sum over [%k: n] (exp.f32(sub.f32(load.f32(@x, %i, %k), reduced.f32("r%j", 0)))) : f32;
    store set @y[%i, %l] over [%l: n] = guard.f32([-%l + n - 1 >= 0], div.f32(exp.f32(sub.f32(load.f32(@x, %i, %l), reduced.f32("r%j", 0))), reduced.f32("r%k", 0)), const.f32(-0))
  } at "random.dlm:3-9"
  return output "0" @y;
}
`;

// Without results that are scalars of the host: those lie in no memory.
const tensorResults = (fn: GraphFunction): GraphFunction => {
  const scalars = new Set(fn.inputs.filter(({ value }) => value.type.shape.length === 0).map(({ value }) => value));
  return { ...fn, results: fn.results.filter(({ value }) => !scalars.has(value)) };
};

function nodeCount(module: NestModule): number {
  const roots: Expr[] = [];
  for (const fn of module.functions)
    for (const step of fn.body)
      if (step.kind === 'nest') for (const stage of step.stages) roots.push(...(stage.kind === 'reduce' ? stage.args : [stage.value]));
  let count = 0;
  walkExprs(roots, () => count++);
  return count;
}

describe('nest text', () => {
  it('reads as people write', () => {
    const module = parseNests(softmax, sources);
    expect(printNests(module)).toBe(softmax);
    const x = { dtype: 'f32' as const, shape: [1, 3], data: Float64Array.of(0, Math.log(2), Math.log(5)) };
    const [y] = module.functions.map((fn) => interpretNests(fn, { x })['0']?.data ?? []);
    for (const [at, value] of [1 / 8, 2 / 8, 5 / 8].entries()) expect(y?.[at]).toBeCloseTo(value, 12);
  });

  it('keeps random nests, shared expressions as shared as they were', () => {
    fc.assert(fc.property(graphCases(), ({ fn }) => {
      const lowered = lowerToNests.run(hostScalars.run(simplifyFinal.run(moduleOf(fn), cx), cx), cx);
      for (const nests of [lowered, fuse.run(lowered, cx)]) {
        const back = parseNests(printNests(nests), sources);
        expect(back).toEqual(nests);
        expect(printNests(back)).toBe(printNests(nests));
        expect(nodeCount(back)).toBeLessThanOrEqual(nodeCount(nests) * 3);
      }
    }), { numRuns: runs(60) });
  });

  it('keeps loops and opaque nests', () => {
    const opaque = { kind: 'opaque' as const, name: 'sort', op: 'sort', reads: ['a b'], writes: ['t'], attrs: { axis: 1, size: dim(3) }, origin: [{ source, start: 1, end: 2 }] };
    const loop: LoopNest = { kind: 'loop', index: '%t', count: dim(4), reverse: true, body: [opaque], origin: [] };
    const module: NestModule = {
      name: 'm',
      functions: [{ name: 'f', kind: 'step', dims: [], facts: [], inputs: [], results: [], buffers: [], host: [], body: [loop, { ...loop, reverse: false }] }],
    };
    expect(parseNests(printNests(module), sources)).toEqual(module);
  });

  it.each([
    ['nests "m" func @f() entry { nest "n" [] { store set @t[] = add.f99(1) } return; }', 'expected op.dtype, found add.f99'],
    ['nests "m" func @f() entry { nest "n" [] { store set @t[] = $3 } return; }', '$3 is not defined'],
    ['nests "m" func @f() entry { nest "n" [] { store set @t[] = what.f32() } return; }', 'there is no scalar op what'],
  ])('refuses %j', (text, message) => {
    expect(() => parseNests(text)).toThrow(message);
  });
});

describe('plan and kernel text', () => {
  it.each(['gpu', 'cpu'] as const)('keeps random programs for the %s', (target) => {
    let kernels = 0;
    fc.assert(
      fc.property(graphCases(8), ({ fn }) => {
        const graph = hostScalars.run(simplifyFinal.run(moduleOf(fn), cx), cx);
        const program = planFor(target).run(fuse.run(lowerToNests.run(mapFunctions(graph, tensorResults), cx), cx), cx);
        expect(parseProgram(printProgram(program), sources)).toEqual(program);
        for (const kernel of program.kernels) expect(parseKernel(printKernel(kernel), sources)).toEqual(kernel);
        kernels += program.kernels.length;
      }),
      { numRuns: runs(25) },
    );
    expect(kernels).toBeGreaterThan(20);
  });

  it('refuses what is no program', () => {
    expect(() => parseProgram('program cpu kernel @k cpu { workgroup 1, 1, 1; let a = add.i32(1) }')).toThrow('expected a name, found 1');
  });
});
