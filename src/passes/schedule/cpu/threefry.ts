// threefry2x32 with 20 rounds (Salmon et al., SC 2011) as kernel values. Both words of one call share
// all rounds, because equal operations are computed once.
import type { BinaryOp } from '../../../ir/expr.ts';
import { constant, type Atom } from './kernel-writer.ts';
import type { Values } from './values.ts';

const literal = (value: number): Atom => constant('u32', value);
const rotations = [13, 15, 26, 6, 17, 29, 16, 24] as const;

/** Word `word` of threefry2x32(key, counter). */
export function emitThreefry(
  values: Values,
  key: readonly [Atom, Atom],
  counter: readonly [Atom, Atom],
  word: 0 | 1,
): Atom {
  const u32 = (op: BinaryOp, left: Atom, right: Atom): Atom => {
    const [a, b] = values.align([left, right]);
    return values.writer.let({ kind: 'binary', type: 'u32', width: a.width, op, a, b });
  };
  const rotate = (x: Atom, by: number): Atom => u32('or', u32('shl', x, literal(by)), u32('shr', x, literal(32 - by)));
  const schedule = [key[0], key[1], u32('xor', literal(0x1bd11bda), u32('xor', key[0], key[1]))];
  const keyWord = (at: number): Atom => schedule[at % 3] ?? key[0];
  let x = u32('add', counter[0], keyWord(0));
  let y = u32('add', counter[1], keyWord(1));
  for (let round = 0; round < 20; round++) {
    x = u32('add', x, y);
    y = u32('xor', rotate(y, rotations[round % 8] ?? 0), x);
    if (round % 4 !== 3) continue;
    const injection = (round + 1) / 4;
    x = u32('add', x, keyWord(injection));
    y = u32('add', y, u32('add', keyWord(injection + 1), literal(injection)));
  }
  return word === 0 ? x : y;
}
