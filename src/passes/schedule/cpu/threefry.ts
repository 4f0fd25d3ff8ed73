// threefry2x32 with 20 rounds (Salmon et al., SC 2011) as a loop of five times four rounds. The rotations
// of even and odd groups differ, and the three key words take turns, so both are variables of the loop.
import type { BinaryOp } from '../../../ir/expr.ts';
import { constant, i32, type Atom } from './kernel-writer.ts';
import type { Values } from './values.ts';

const evenRotations = [13, 15, 26, 6] as const;
const oddRotations = [17, 29, 16, 24] as const;
const literal = (value: number): Atom => constant('u32', value);

/** Both words of threefry2x32(key, counter). */
export function emitThreefry(
  values: Values,
  key: readonly [Atom, Atom],
  counter: readonly [Atom, Atom],
): readonly [Atom, Atom] {
  const { writer } = values;
  const u32 = (op: BinaryOp, left: Atom, right: Atom): Atom => {
    const [a, b] = values.align([left, right]);
    return writer.load({ kind: 'binary', type: 'u32', width: a.width, op, a, b }, false);
  };
  const third = u32('xor', literal(0x1bd11bda), u32('xor', key[0], key[1]));
  const [k0, k1, k2, x0, y0] = values.align([
    key[0],
    key[1],
    third,
    u32('add', counter[0], key[0]),
    u32('add', counter[1], key[1]),
  ]);
  const [x, y] = [writer.variable(x0), writer.variable(y0)];
  const keys = [writer.variable(k1), writer.variable(k2), writer.variable(k0)];
  const [next = k1, afterNext = k2, last = k0] = keys;
  writer.for(i32(0), i32(5), 1, (group) => {
    const parity = writer.load({ kind: 'binary', type: 'i32', width: 1, op: 'and', a: group, b: i32(1) }, false);
    const isOdd = writer.load({ kind: 'cast', type: 'bool', width: 1, x: parity }, false);
    evenRotations.forEach((even, at) => {
      const by = writer.load(
        {
          kind: 'select',
          type: 'u32',
          width: 1,
          cond: isOdd,
          then: literal(oddRotations[at] ?? 0),
          otherwise: literal(even),
        },
        false,
      );
      writer.assign(x, { kind: 'binary', type: 'u32', width: x.width, op: 'add', a: x, b: y });
      const rotated = u32('or', u32('shl', y, by), u32('shr', y, u32('sub', literal(32), by)));
      writer.assign(y, { kind: 'binary', type: 'u32', width: y.width, op: 'xor', a: rotated, b: x });
    });
    writer.assign(x, { kind: 'binary', type: 'u32', width: x.width, op: 'add', a: x, b: next });
    const number = writer.load({ kind: 'cast', type: 'u32', width: 1, x: group }, false);
    const injected = u32('add', afterNext, u32('add', number, literal(1)));
    writer.assign(y, { kind: 'binary', type: 'u32', width: y.width, op: 'add', a: y, b: injected });
    const spare = writer.load(next, false);
    writer.assign(next, afterNext);
    writer.assign(afterNext, last);
    writer.assign(last, spare);
  });
  return [x, y];
}
