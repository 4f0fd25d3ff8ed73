// Threefry-2x32 with 20 rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3"), as statements.
import type { KernelExpr, Statement } from '../../../ir/kernel.ts';
import { binary, literal } from './expressions.ts';
import type { KernelWriter } from './writer.ts';

const rotations = [
  [13, 15, 26, 6],
  [17, 29, 16, 24],
] as const;
const parity = 0x1bd11bda;

const word = (value: number): KernelExpr => literal('u32', value);
const rotate = (x: KernelExpr, by: number): KernelExpr =>
  binary('or', binary('shl', x, word(by)), binary('shr', x, word(32 - by)));

/** Both words of threefry2x32(key, counter); u32 scalars or vectors. */
export function emitThreefry(
  writer: KernelWriter,
  into: Statement[],
  key: readonly [KernelExpr, KernelExpr],
  counter: readonly [KernelExpr, KernelExpr],
): readonly [KernelExpr, KernelExpr] {
  const bind = (x: KernelExpr): KernelExpr => writer.bind(into, x);
  const schedule = [key[0], key[1], bind(binary('xor', binary('xor', key[0], key[1]), word(parity)))];
  const keyWord = (at: number): KernelExpr => schedule[at % 3] ?? word(0);
  let x = bind(binary('add', counter[0], keyWord(0)));
  let y = bind(binary('add', counter[1], keyWord(1)));
  for (let group = 0; group < 5; group++) {
    for (const by of rotations[group % 2 === 0 ? 0 : 1]) {
      x = bind(binary('add', x, y));
      y = bind(binary('xor', rotate(y, by), x));
    }
    x = bind(binary('add', x, keyWord(group + 1)));
    y = bind(binary('add', y, binary('add', keyWord(group + 2), word(group + 1))));
  }
  return [x, y];
}
