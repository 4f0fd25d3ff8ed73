// How accumulators of each monoid start, take in a value and are joined.
import { highest, lowest, type DType } from '../../../ir/dtype.ts';
import type { BinaryOp } from '../../../ir/expr.ts';
import type { KernelExpr, Width } from '../../../ir/kernel.ts';
import type { Monoid } from '../../../ir/nest.ts';
import { CompilerBug } from '../../../support/diagnostic.ts';
import { constant, i32, registerType, type Atom, type KernelWriter } from './kernel-writer.ts';

type Simple = Extract<Monoid, { arity: 1 }>['name'];

const combining: Readonly<Record<Simple, BinaryOp>> = {
  sum: 'add',
  prod: 'mul',
  max: 'max',
  min: 'min',
  and: 'and',
  or: 'or',
};

/** What leaves the first part as it is. */
export function identity(monoid: Monoid, dtype: DType): number {
  switch (monoid.name) {
    case 'sum':
    case 'or':
      return 0;
    case 'prod':
      return 1;
    case 'and':
      return dtype === 'bool' ? 1 : -1;
    case 'max':
    case 'argmax':
      return lowest[dtype];
    case 'min':
    case 'argmin':
      return highest[dtype];
    case 'softmax':
      throw new CompilerBug('a softmax of values reached a schedule for the CPU that is not the one of attention');
  }
}

/** Start values of the parts; the index of argmax and argmin starts at 0. */
export function identities(monoid: Monoid, dtypes: readonly DType[], width: Width): Atom[] {
  return dtypes.map((dtype, part) =>
    part === 1 && monoid.arity === 2
      ? { ...i32(0), width }
      : constant(registerType(dtype), identity(monoid, dtype), width),
  );
}

/** a ∘ b of a monoid with one part. `a` is a number, as every accumulator is, so a float extremum is one comparison. */
export function combined(monoid: Monoid, a: Atom, b: Atom): KernelExpr {
  if (monoid.arity !== 1) throw new RangeError(`${monoid.name} has ${monoid.arity} parts`);
  const { type, width } = a;
  if (type === 'f32' && (monoid.name === 'max' || monoid.name === 'min')) {
    const [low, high] = monoid.name === 'max' ? [a, b] : [b, a];
    const cond: KernelExpr = { kind: 'binary', type: 'bool', width, op: 'lt', a: low, b: high };
    return { kind: 'select', type, width, cond, then: b, otherwise: a };
  }
  return { kind: 'binary', type: a.type, width: a.width, op: combining[monoid.name], a, b };
}

/** Takes `parts` into the accumulators. A tie keeps what came first, so the lowest index wins. */
export function accumulate(
  writer: KernelWriter,
  monoid: Monoid,
  accumulators: readonly Atom[],
  parts: readonly Atom[],
): void {
  const [best, at] = accumulators;
  const [value, index] = parts;
  if (!best || !value) throw new RangeError('a reduction without parts');
  if (monoid.arity === 1) return writer.assign(best, combined(monoid, best, value));
  if (!at || !index) throw new RangeError(`${monoid.name} has two parts`);
  const [a, b] = monoid.name === 'argmax' ? [best, value] : [value, best];
  const better = writer.load({ kind: 'binary', type: 'bool', width: best.width, op: 'lt', a, b }, false);
  writer.assign(best, {
    kind: 'select',
    type: best.type,
    width: best.width,
    cond: better,
    then: value,
    otherwise: best,
  });
  writer.assign(at, { kind: 'select', type: 'i32', width: at.width, cond: better, then: index, otherwise: at });
}

/** All four lanes of `x` in one scalar: (l0 ∘ l2) ∘ (l1 ∘ l3). */
export function joinLanes(writer: KernelWriter, monoid: Monoid, x: Atom): Atom {
  const lane = (at: 0 | 1 | 2 | 3): Atom => writer.load({ kind: 'lane', type: x.type, width: 1, x, lane: at }, false);
  const join = (a: Atom, b: Atom): Atom => writer.load(combined(monoid, a, b), false);
  return join(join(lane(0), lane(2)), join(lane(1), lane(3)));
}
