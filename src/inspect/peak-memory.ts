// Peak memory of a plan as one formula: what stays for good plus the fullest moment of what comes and goes.
// The arena's packing and alignment to 256 bytes may add to it.
import { add, max, mul, product, zero, type Dim } from '../ir/dim.ts';
import { byteSize } from '../ir/dtype.ts';
import type { Plan, PlanBuffer } from '../ir/plan.ts';

/** Bytes that a plan needs at its fullest moment. */
export function peakMemory({ buffers }: Plan): Dim {
  const own = buffers.filter(({ alias }) => alias === undefined);
  const passing = own.filter(({ pool }) => pool === 'io' || pool === 'arena');
  const lasting = own.filter((buffer) => !passing.includes(buffer));
  // Live sets only grow where a buffer begins, so the fullest moment is one of these.
  const moments = [...new Set(passing.map(({ first }) => first))];
  const sums = moments.map((at) => sumOf(passing.filter(({ first, last }) => first <= at && at <= last)));
  const [first = zero, ...rest] = undominated(sums);
  return add(
    sumOf(lasting),
    rest.reduce<Dim>((a, b) => max(a, b), first),
  );
}

const sumOf = (buffers: readonly PlanBuffer[]): Dim =>
  buffers.reduce<Dim>((sum, { shape, dtype }) => add(sum, mul(product(shape), byteSize[dtype])), zero);

/** Drops every sum that another one reaches term by term; dims are positive, so it can never be the largest. */
function undominated(sums: readonly Dim[]): Dim[] {
  const kept: Dim[] = [];
  for (const sum of sums) {
    if (kept.some((other) => dominates(other, sum))) continue;
    kept.splice(0, kept.length, ...kept.filter((other) => !dominates(sum, other)), sum);
  }
  return kept;
}

function dominates(a: Dim, b: Dim): boolean {
  const coefficients = new Map(a.terms.map(({ key, coefficient }) => [key, coefficient]));
  const covers = b.terms.every(({ key, coefficient }) => (coefficients.get(key) ?? 0) >= coefficient);
  return covers && a.terms.every(({ coefficient }) => coefficient >= 0);
}
