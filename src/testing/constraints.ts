// Constraints on dims as text, the form in which a compiled module lists what an entry requires, and back.
import { constant, sub, variable } from '../ir/dim.ts';
import type { Fact } from '../ir/graph.ts';
import { parseDim } from '../ir/text/reader.ts';

/** `t - 2 >= 0`, `h - n*m == 0` or `(d) % (4) == 0`. */
export function constraintText({ kind, lhs, modulus }: Fact): string {
  if (kind === 'multiple') return `(${lhs.key}) % (${modulus?.key ?? '1'}) == 0`;
  return `${lhs.key} ${kind === '>=0' ? '>=' : '=='} 0`;
}

/** The fact that a text states; `n <= 4` is read too. @throws RangeError where it states none */
export function parseConstraint(text: string): Fact {
  const [, dividend, modulus] = /^\((.*)\) % \((.*)\) == 0$/.exec(text) ?? [];
  if (dividend !== undefined && modulus !== undefined)
    return { kind: 'multiple', lhs: parseDim(dividend), modulus: parseDim(modulus) };
  const [, left, sign] = /^(.*) (>=|==) 0$/.exec(text) ?? [];
  if (left !== undefined) return { kind: sign === '>=' ? '>=0' : '==0', lhs: parseDim(left) };
  const [, name, max] = /^(\w+) <= (\d+)$/.exec(text) ?? [];
  if (name === undefined) throw new RangeError(`not a constraint on dims: ${text}`);
  return { kind: '>=0', lhs: sub(constant(Number(max)), variable(name)) };
}
