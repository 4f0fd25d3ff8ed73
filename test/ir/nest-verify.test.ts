// The nest verifier: silent over what lowering and fusion make, loud over each kind of damage.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseNests } from '../../src/ir/nest-text.ts';
import { verifyNests } from '../../src/ir/nest-verify.ts';
import { fuse } from '../../src/passes/fuse.ts';
import { hostScalars } from '../../src/passes/host-scalars.ts';
import { lowerToNests } from '../../src/passes/lower-to-nests.ts';
import { simplifyFinal } from '../../src/passes/simplify.ts';
import { runs } from '../support/property-settings.ts';
import { graphCases, moduleOf } from '../support/random-graph.ts';

const cx = { count: () => {} };

const problems = (nest: string, result = '@y'): string[] =>
  verifyNests(parseNests(`nests "m" func @f(@x argument "x") entry dims (n >= 1) {
    buffer @x: f32[n] buffer @y: f32[n] buffer @k: i32[n] ${nest} return output "0" ${result}; }`));

describe('the nest verifier', () => {
  it('accepts random functions, lowered and fused', () => {
    fc.assert(
      fc.property(graphCases(), ({ fn }) => {
        const lowered = lowerToNests.run(hostScalars.run(simplifyFinal.run(moduleOf(fn), cx), cx), cx);
        expect(verifyNests(lowered)).toEqual([]);
        expect(verifyNests(fuse.run(lowered, cx))).toEqual([]);
      }),
      { numRuns: runs(80) },
    );
  });

  it('accepts a guarded position that would be outside', () => {
    expect(problems('nest "a" [%i: n] { store set @y[%i] = guard.f32([-%i - 1 >= 0], load.f32(@x, %i + n), const.f32(0)) }')).toEqual([]);
  });

  it.each([
    ['an axis out of scope', 'nest "a" [%i: n] { store set @y[%i] = load.f32(@x, %j) }', 'nest a: %j is not in scope in %j'],
    ['a position outside', 'nest "a" [%i: n] { store set @y[%i] = load.f32(@x, %i + n) }', '%i + n is outside axis 0 of x, which has n'],
    ['a negative position', 'nest "a" [%i: n] { store set @y[%i] = load.f32(@x, %i - n) }', '%i - n is outside axis 0 of x'],
    ['a wrong rank', 'nest "a" [%i: n] { store set @y[%i] = load.f32(@x, %i, 0) }', '2 indices into x, which has rank 1'],
    ['a wrong load', 'nest "a" [%i: n] { store set @y[%i] = load.i32(@x, %i) }', 'loads i32 from x, which is f32'],
    ['a wrong store', 'nest "a" [%i: n] { store set @k[%i] = load.f32(@x, %i) }', 'stores f32 to k, which is i32'],
    ['operands that differ', 'nest "a" [%i: n] { store set @y[%i] = add.f32(load.f32(@x, %i), const.i32(1)) }', 'add joins f32 and i32'],
    ['an unknown buffer', 'nest "a" [%i: n] { store set @y[%i] = load.f32(@z, %i) }', 'names the buffer z, which is not declared'],
    ['an axis twice', 'nest "a" [%i: n] { store set @y[%i] over [%i: n] = const.f32(0) }', 'the axis %i is used twice'],
    ['a reduction too late', 'nest "a" [%i: n] { store set @y[%i] = reduced.f32("r", 0) }', 'part 0 of r is read before it is reduced'],
    ['a result that nothing writes', '', 'result 0 is y, which nothing writes'],
  ])('finds %s', (_, nest, expected) => {
    expect(problems(nest).join('\n')).toContain(expected);
  });
});
