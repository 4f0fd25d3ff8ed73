// Shape inference against the interpreter: random programs are accepted, every value of their graphs has in a run
// the type that was inferred for it, and that type is the one plain arithmetic gives.
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { check } from '../../src/index.ts';
import { opNamed } from '../../src/ir/ops/registry.ts';
import { entryOf, shapeOf, typeMismatches } from '../../src/testing.ts';
import { memoryHost } from '../elaborate/files.ts';
import { runs } from '../support/property-settings.ts';
import { initialWeights, inputTensors, type RunDims } from './run-program.ts';
import { programOf, programs, stepCount, type RandomProgram } from './random-program.ts';
import { valueOf } from './size.ts';

const dims: fc.Arbitrary<RunDims> = fc.record({
  b: fc.integer({ min: 1, max: 3 }),
  t: fc.integer({ min: 1, max: 4 }),
  n: fc.integer({ min: 1, max: 3 }),
});

const tally = { programs: 0, lets: 0, values: 0, steps: new Set<string>() };

/** What is wrong with the types of a program, if anything. */
function faults({ text, lets }: RandomProgram, env: RunDims): string[] {
  const { module, diagnostics } = check(memoryHost({ 'main.dlm': text }), 'main.dlm');
  if (!module)
    return diagnostics.filter((d) => d.severity === 'error').map(({ code, message }) => `${code} ${message}`);
  const entry = entryOf(module, 'M.main');
  const inferred = shapeOf(entry, { ...env });
  const wrong = lets.flatMap(({ text: name, shape, dtype }) => {
    const own = inferred[`r${name}`] ?? inferred['result'];
    const expected = shape.map((size) => valueOf(size, { ...env }));
    return own?.dtype === dtype && own.shape.join() === expected.join()
      ? []
      : [`${name} is ${own?.shape.join()}, not ${expected.join()}`];
  });
  const inputs = { ...initialWeights(entry), ...inputTensors(entry, { ...env }) };
  const found = typeMismatches(entry.fn, inputs);
  tally.programs++;
  tally.lets += lets.length;
  tally.values += entry.fn.nodes.length;
  return [
    ...wrong,
    ...found.map(
      ({ value, inferred: a, actual: b }) => `${value}: ${a.shape.join()} inferred, ${b.shape.join()} found`,
    ),
  ];
}

describe('random programs', () => {
  test('have the inferred types in every run', () => {
    fc.assert(
      fc.property(programs, dims, (program, env) => {
        expect(faults(program, env), program.text).toEqual([]);
      }),
      { numRuns: runs(500) },
    );
    console.log(`shapes: ${tally.programs} programs, ${tally.lets} lets, ${tally.values} nodes`);
    expect(tally.programs).toBeGreaterThanOrEqual(runs(500));
    expect(tally.values / tally.programs).toBeGreaterThan(5);
  }, 3_600_000);

  test.each(['concat', 'slice', 'reduce'])(
    'a wrong shape rule of %s is caught and shrinks to a short program',
    (name) => {
      const op = opNamed(name);
      const infer = op.infer.bind(op);
      const planted = vi.spyOn(op, 'infer').mockImplementation((inputs, ...rest) => {
        const types = infer(inputs, ...rest);
        return types.map((type) => ({ ...type, shape: type.shape.length > 1 ? type.shape.toReversed() : type.shape }));
      });
      try {
        const result = fc.check(
          fc.property(programs, dims, (program, env) => faults(program, env).length === 0),
          { numRuns: 300, seed: 7 },
        );
        expect(result.failed).toBe(true);
        expect(result.counterexample?.[0].lets.length).toBeLessThanOrEqual(3);
      } finally {
        planted.mockRestore();
      }
    },
  );

  test('use every kind of step', () => {
    const helper = [[3, 0, 0, 0, 0]] as const;
    const used = Array.from({ length: stepCount }, (_, op) =>
      fc
        .sample(fc.tuple(fc.nat(99), fc.nat(99), fc.nat(99)), { numRuns: 200, seed: 5 })
        .some(([operand, a, c]) =>
          programOf([[op, operand, a, c, 0]], [helper]).lets.some(({ text }) => text === 'v0'),
        ),
    );
    expect(used.flatMap((each, op) => (each ? [] : [op]))).toEqual([]);
  });
});
