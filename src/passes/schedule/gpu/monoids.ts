// Reductions in registers: identities and combining statements of each monoid.
import { highest, lowest, type DType } from '../../../ir/dtype.ts';
import type { CombineOp, KernelExpr, Statement } from '../../../ir/kernel.ts';
import type { Monoid } from '../../../ir/nest.ts';
import { CompilerBug } from '../../../support/diagnostic.ts';
import { binary, literal, madd, registerType, select } from './expressions.ts';
import type { KernelWriter } from './writer.ts';

/** The number that changes nothing in part `part` of a monoid. */
export function identityOf(monoid: Monoid, dtype: DType, part: number): number {
  switch (monoid.name) {
    case 'sum':
    case 'or':
      return 0;
    case 'prod':
      return 1;
    case 'and':
      return dtype === 'i32' ? -1 : highest[dtype];
    case 'max':
      return lowest[dtype];
    case 'min':
      return highest[dtype];
    case 'argmax':
      return part === 0 ? lowest[dtype] : highest[dtype];
    case 'argmin':
      return part === 0 ? highest[dtype] : highest[dtype];
    case 'softmax':
      return part === 0 ? lowest[dtype] : 0;
  }
}

/** The identity as a register value. */
export const identityValue = (monoid: Monoid, dtype: DType, part: number): KernelExpr =>
  literal(registerType(dtype), identityOf(monoid, dtype === 'f16' ? 'f32' : dtype, part));

const simple = { sum: 'add', prod: 'mul', max: 'max', min: 'min', and: 'and', or: 'or' } as const;
const firstPart = { ...simple, argmax: 'max', argmin: 'min', softmax: 'max' } as const;

/** How first parts are combined. */
export const operatorOf = ({ name }: Monoid): CombineOp => firstPart[name];

/** a ∘ b for the monoids of one part. */
export function combineValues(name: keyof typeof simple, a: KernelExpr, b: KernelExpr): KernelExpr {
  if (name === 'sum' && b.kind === 'binary' && b.op === 'mul' && b.type === 'f32') return madd(b.a, b.b, a);
  return binary(simple[name], a, b);
}

const assign = (target: KernelExpr, value: KernelExpr): Statement => {
  if (target.kind !== 'name') throw new CompilerBug('an accumulator without a name');
  return { kind: 'assign', name: target.name, value };
};

/** Statements: accumulators ← accumulators ∘ values. Equal extremes keep the lower index. */
export function accumulate(
  writer: KernelWriter,
  into: Statement[],
  monoid: Monoid,
  accumulators: readonly KernelExpr[],
  values: readonly KernelExpr[],
): void {
  const [best, bestIndex] = accumulators;
  const [value, index] = values;
  if (!best || !value) throw new CompilerBug('a reduction of no parts');
  if (monoid.arity === 1) {
    into.push(assign(best, combineValues(monoid.name, best, value)));
    return;
  }
  if (monoid.arity === 3) throw new CompilerBug('a softmax of values outside of attention');
  if (!bestIndex || !index) throw new CompilerBug(`${monoid.name} needs a value and an index`);
  const [v, i] = [writer.bind(into, value), writer.bind(into, index)];
  const better = monoid.name === 'argmax' ? binary('lt', best, v) : binary('lt', v, best);
  const tie = binary('and', binary('eq', v, best), binary('lt', i, bestIndex));
  const take = writer.bind(into, binary('or', better, tie));
  into.push(assign(best, select(take, v, best)), assign(bestIndex, select(take, i, bestIndex)));
}
