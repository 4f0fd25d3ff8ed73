// Integer expressions as plain trees, with their own evaluation: the oracle for the dim algebra.
import fc from 'fast-check';
import { add, ceilDiv, floorDiv, max, min, mod, mul, sub, constant, variable, type Dim } from '../../src/ir/dim.ts';

export type Tree =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: keyof typeof builders; readonly a: Tree; readonly b: Tree };

/** The functions under test. */
export const builders = { add, sub, mul, floorDiv, mod, ceilDiv, min, max };

export type Builders = typeof builders;
export type Environment = Readonly<Record<string, number>>;

const floor = (a: number, b: number): number => Math.floor(a / b);

/** The value of a tree in plain integers; undefined where a divisor is not positive. */
export function valueOf(tree: Tree, env: Environment): number | undefined {
  if (tree.kind === 'number') return tree.value;
  if (tree.kind === 'name') return env[tree.name];
  const [a, b] = [valueOf(tree.a, env), valueOf(tree.b, env)];
  if (a === undefined || b === undefined) return undefined;
  switch (tree.kind) {
    case 'add':
      return a + b;
    case 'sub':
      return a - b;
    case 'mul':
      return a * b;
    case 'min':
      return Math.min(a, b);
    case 'max':
      return Math.max(a, b);
    case 'floorDiv':
      return b < 1 ? undefined : floor(a, b);
    case 'mod':
      return b < 1 ? undefined : a - b * floor(a, b);
    case 'ceilDiv':
      return b < 1 ? undefined : Math.ceil(a / b);
  }
}

/** The dim of a tree. */
export function dimOf(tree: Tree, build: Builders = builders): Dim {
  if (tree.kind === 'number') return constant(tree.value);
  if (tree.kind === 'name') return variable(tree.name);
  return build[tree.kind](dimOf(tree.a, build), dimOf(tree.b, build));
}

const name = (from: readonly string[]): fc.Arbitrary<Tree> =>
  fc.constantFrom(...from).map((text) => ({ kind: 'name', name: text }));
const number = (low: number, high: number): fc.Arbitrary<Tree> =>
  fc.integer({ min: low, max: high }).map((value) => ({ kind: 'number', value }));

/** Random trees over `names`; divisors are built from positive numbers, names and their products. */
export function trees(names: readonly string[], divisors: readonly string[]): fc.Arbitrary<Tree> {
  const positive = fc.oneof(number(1, 6), name(divisors));
  const divisor: fc.Arbitrary<Tree> = fc.oneof(
    positive,
    fc.tuple(positive, positive).map(([a, b]): Tree => ({ kind: 'mul', a, b })),
    fc.tuple(positive, positive).map(([a, b]): Tree => ({ kind: 'add', a, b })),
  );
  const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4, depthSize: 'small' },
      name(names),
      number(-5, 5),
      fc.record({ kind: fc.constantFrom('add', 'sub', 'mul', 'min', 'max'), a: tie('tree'), b: tie('tree') }),
      fc.record({ kind: fc.constantFrom('floorDiv', 'mod', 'ceilDiv'), a: tie('tree'), b: divisor }),
      // Index maps of reshapes: x*d + y taken apart again.
      fc
        .tuple(tie('tree'), tie('tree'), divisor, fc.constantFrom('floorDiv' as const, 'mod' as const))
        .map(([x, y, d, kind]): Tree => ({ kind, a: { kind: 'add', a: { kind: 'mul', a: x, b: d }, b: y }, b: d })),
    ) as fc.Arbitrary<Tree>,
  }));
  return tree;
}
