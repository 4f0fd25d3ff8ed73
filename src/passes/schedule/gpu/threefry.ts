// Threefry-2x32 with 20 rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3"), as statements.
import type { KernelExpr, Statement } from '../../../ir/kernel.ts';
import { CompilerBug } from '../../../support/diagnostic.ts';
import { binary, cast, int, literal, named, select, widen } from './expressions.ts';
import type { KernelWriter } from './writer.ts';

const rotations = [
  [13, 15, 26, 6],
  [17, 29, 16, 24],
] as const;
const parity = 0x1bd11bda;

const word = (value: number): KernelExpr => literal('u32', value);
const rotate = (x: KernelExpr, by: KernelExpr): KernelExpr =>
  binary('or', binary('shl', x, by), binary('shr', x, binary('sub', word(32), by)));

/** Both words of threefry2x32(key, counter); u32 scalars or vectors. A loop over groups of four rounds: less text. */
export function emitThreefry(
  writer: KernelWriter,
  into: Statement[],
  key: readonly [KernelExpr, KernelExpr],
  counter: readonly [KernelExpr, KernelExpr],
): readonly [KernelExpr, KernelExpr] {
  const last = binary('xor', binary('xor', key[0], key[1]), word(parity));
  const start = [binary('add', counter[0], key[0]), binary('add', counter[1], key[1])] as const;
  const width = start.some((value) => value.width === 4) ? 4 : 1;
  const [x, y] = [variable(writer, into, widen(start[0], width)), variable(writer, into, widen(start[1], width))];
  const keys = [key[1], last, key[0]].map((value) => variable(writer, into, widen(value, last.width)));
  const group = writer.fresh('i');
  const body: Statement[] = [];
  const assign = (to: Variable, value: KernelExpr): void => void body.push({ kind: 'assign', name: to.name, value });
  const odd = writer.bind(body, binary('eq', binary('and', named(group), int(1)), int(1)));
  rotations[0].forEach((even, at) => {
    const by = writer.bind(body, select(odd, word(rotations[1][at] ?? 0), word(even)));
    assign(x, binary('add', x, y));
    assign(y, binary('xor', rotate(y, by), x));
  });
  const [a = x, b = x, c = x] = keys;
  assign(x, binary('add', x, a));
  assign(y, binary('add', y, binary('add', b, binary('add', cast('u32', named(group)), word(1)))));
  const first = writer.fresh();
  body.push({ kind: 'let', name: first, value: a });
  assign(a, b);
  assign(b, c);
  assign(c, named(first, 'u32', last.width));
  into.push({ kind: 'for', name: group, from: int(0), to: int(5), step: 1, body });
  return [x, y];
}

type Variable = Extract<KernelExpr, { readonly kind: 'name' }>;

function variable(writer: KernelWriter, into: Statement[], init: KernelExpr): Variable {
  const made = writer.variable(into, init);
  if (made.kind !== 'name') throw new CompilerBug('a variable without a name');
  return made;
}
