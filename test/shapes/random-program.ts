// Random well-typed programs as text: a model over symbolic dims whose entry is a chain of lets, functions with
// packs and dims of their own, layers with parameters. Every let's type is known here by plain arithmetic.
import fc from 'fast-check';
import { combine, keyOf, leastOf, replaceNames, textOf, type Size } from './size.ts';

/** An expression in the making: its type. */
export interface Typed {
  readonly text: string;
  readonly dtype: 'f32' | 'i32' | 'bool';
  readonly shape: readonly Size[];
}

/** A program, and what the lets of its entry are. */
export interface RandomProgram {
  readonly text: string;
  readonly lets: readonly Typed[];
}

/** One decision; every let of a program takes five numbers. */
export type Choice = readonly [number, number, number, number, number];

interface Scope {
  readonly values: Typed[];
  /** Dims that may be written where a size is asked for. */
  readonly dims: readonly Size[];
  readonly functions: readonly DrawnFunction[];
  /** Members of the model so far; a function has none. */
  readonly layers: string[] | null;
  readonly find: (test: (value: Typed) => boolean) => Typed | undefined;
}

/** `fn name(u: [p, q], v: [q, r]) -> [...] { … }`. */
interface DrawnFunction {
  readonly name: string;
  readonly text: string;
  readonly params: readonly (readonly Size[])[];
  readonly result: readonly Size[];
}

type Step = (scope: Scope, x: Typed, a: number, c: number) => Typed | undefined;

const maxRank = 4;
const rank = (x: Typed): number => x.shape.length;
const float = (text: string, shape: readonly Size[]): Typed => ({ text, dtype: 'f32', shape });
const at = <Item>(items: readonly Item[], index: number): Item => {
  const item = items[index % items.length];
  if (item === undefined) throw new RangeError('nothing to pick from');
  return item;
};
const same = (a: readonly Size[], b: readonly Size[]): boolean =>
  a.length === b.length && a.every((size, axis) => keyOf(size) === keyOf(b[axis] ?? 0));
const without = (shape: readonly Size[], axis: number): Size[] => shape.toSpliced(axis, 1);
const replaced = (shape: readonly Size[], axis: number, size: Size): Size[] => shape.toSpliced(axis, 1, size);
const sizeAt = (x: Typed, axis: number): Size => x.shape[axis] ?? 1;
// An axis counted from the front or from the end.
const axisText = (x: Typed, axis: number, c: number): string => String(c % 2 === 0 ? axis : axis - rank(x));
const shapeText = (shape: readonly Size[]): string => `[${shape.map((size) => textOf(size)).join(', ')}]`;
const axisNames = (x: Typed, prefix = 'x'): string[] => x.shape.map((_, axis) => `${prefix}${axis}`);
const colons = (x: Typed, axis: number, index: string, c: number): string => {
  if (c % 3 === 0 && axis === rank(x) - 1) return `${x.text}[..., ${index}]`;
  const before = Array.from({ length: axis }, () => ':');
  return `${x.text}[${[...before, index].join(', ')}]`;
};
const product = (shape: readonly Size[]): Size => shape.reduce<Size>((p, size) => combine('*', p, size), 1);

// What programs are made of. A step that does not fit its operand gives nothing.
const steps: readonly Step[] = [
  (_, x, a) => float(`${at(['tanh', 'relu', 'sigmoid', 'abs', 'gelu', 'softplus'], a)}(${x.text})`, x.shape),
  ({ find }, x, a) => {
    const y = find((value) => same(value.shape, x.shape)) ?? x;
    return float(`${x.text} ${at(['+', '-', '*'], a)} ${y.text}`, x.shape);
  },
  // A suffix broadcasts.
  ({ find }, x, a, c) => {
    const y = find((value) => rank(value) < rank(x) && same(value.shape, x.shape.slice(rank(x) - rank(value))));
    if (!y) return undefined;
    const operands = c % 2 === 0 ? [x.text, y.text] : [y.text, x.text];
    return float(operands.join(` ${at(['+', '*', '-'], a)} `), x.shape);
  },
  (_, x, a, c) => {
    if (rank(x) === 0) return undefined;
    const axis = a % rank(x);
    const safe = leastOf(sizeAt(x, axis)) >= 1;
    const fn = safe ? at(['sum', 'mean', 'max', 'min', 'logsumexp'], c) : 'sum';
    const keep = c % 2 === 1;
    const shape = keep ? replaced(x.shape, axis, 1) : without(x.shape, axis);
    return float(`${fn}(${x.text}, axis=${axisText(x, axis, c)}${keep ? ', keepdim=true' : ''})`, shape);
  },
  // A literal 1 broadcasts.
  (_, x, a, c) => {
    if (rank(x) === 0) return undefined;
    const axis = a % rank(x);
    return leastOf(sizeAt(x, axis)) < 1
      ? undefined
      : float(`${x.text} - mean(${x.text}, axis=${axisText(x, axis, c)}, keepdim=true)`, x.shape);
  },
  (_, x, a) =>
    rank(x) === 0 || leastOf(sizeAt(x, rank(x) - 1)) < 1
      ? undefined
      : float(`${at(['softmax', 'log_softmax'], a)}(${x.text}, axis=-1)`, x.shape),
  // Slices: one element, a head, a tail, a middle, from the end.
  (_, x, a, c) => {
    if (rank(x) === 0) return undefined;
    const axis = a % rank(x);
    const index = c % 2 === 0 ? c % 3 : -1 - (c % 2);
    const reach = index < 0 ? -index : index + 1;
    if (leastOf(sizeAt(x, axis)) < reach) return undefined;
    return float(colons(x, axis, String(index), c), without(x.shape, axis));
  },
  (_, x, a, c) => {
    if (rank(x) === 0) return undefined;
    const axis = a % rank(x);
    const [size, k] = [sizeAt(x, axis), 1 + (c % 2)];
    if (leastOf(size) < k) return undefined;
    const [index, left] = at<readonly [string, Size]>(
      [
        [`${k}:`, combine('-', size, k)],
        [`:${k}`, k],
        [`-${k}:`, k],
        [`:-${k}`, combine('-', size, k)],
      ],
      c,
    );
    return float(colons(x, axis, index, c), replaced(x.shape, axis, left));
  },
  // Halves, rounded, and parts no longer than a dim: floor_div, min and max in sizes.
  ({ dims }, x, a, c) => {
    if (rank(x) === 0) return undefined;
    const axis = a % rank(x);
    const [size, other] = [sizeAt(x, axis), at(dims, c)];
    const half = combine('floor_div', size, 2);
    const least = combine('min', size, other);
    const missing = combine('max', combine('-', other, size), 0);
    const [text, made] = at<readonly [string, Size]>(
      [
        [colons(x, axis, `:${textOf(half)}`, c), half],
        [colons(x, axis, `${textOf(half)}:`, c), combine('-', size, half)],
        [colons(x, axis, `:${textOf(least)}`, c), least],
        [`pad(${x.text}, 0, ${textOf(missing)}, axis=${axis})`, combine('+', size, missing)],
      ],
      c,
    );
    return float(text, replaced(x.shape, axis, made));
  },
  ({ find }, x, a, c) => {
    if (rank(x) === 0) return undefined;
    const axis = a % rank(x);
    const y = find((value) => rank(value) === rank(x) && same(without(value.shape, axis), without(x.shape, axis))) ?? x;
    const shape = replaced(x.shape, axis, combine('+', sizeAt(x, axis), sizeAt(y, axis)));
    return float(`concat([${x.text}, ${y.text}], axis=${axisText(x, axis, c)})`, shape);
  },
  ({ find }, x, a, c) => {
    const y = find((value) => same(value.shape, x.shape)) ?? x;
    if (rank(x) >= maxRank) return undefined;
    const axis = a % (rank(x) + 1);
    return float(
      `stack([${x.text}, ${y.text}], axis=${c % 2 === 0 ? axis : axis - rank(x) - 1})`,
      x.shape.toSpliced(axis, 0, 2),
    );
  },
  (_, x, a) => {
    if (rank(x) < 2) return undefined;
    const names = axisNames(x);
    const turn = 1 + (a % (rank(x) - 1));
    const turned = <Item>(items: readonly Item[]): Item[] => [...items.slice(turn), ...items.slice(0, turn)];
    return float(`rearrange[${names.join(' ')} -> ${turned(names).join(' ')}](${x.text})`, turned(x.shape));
  },
  // Two axes merged, as a pattern, as a shape or as a -1.
  (_, x, a, c) => {
    if (rank(x) < 2) return undefined;
    const axis = a % (rank(x) - 1);
    const names = axisNames(x);
    const merged = [...names.slice(0, axis), `(${names[axis]} ${names[axis + 1]})`, ...names.slice(axis + 2)];
    const size = combine('*', sizeAt(x, axis), sizeAt(x, axis + 1));
    const shape = x.shape.toSpliced(axis, 2, size);
    const inferred = shape.map((each, k) => (k === axis ? -1 : each));
    const solvable = leastOf(product(without(shape, axis))) >= 1;
    if (c % 3 === 0) return float(`rearrange[${names.join(' ')} -> ${merged.join(' ')}](${x.text})`, shape);
    return float(`reshape(${x.text}, ${shapeText(c % 3 === 1 && solvable ? inferred : shape)})`, shape);
  },
  // A product or a constant taken apart.
  (_, x, a) => {
    const axis = x.shape.findIndex((size) => typeof size === 'object' && size.op === '*');
    const size = x.shape[axis];
    if (typeof size !== 'object' || rank(x) >= maxRank || leastOf(size) < 1) return undefined;
    const names = axisNames(x);
    const [outer, inner] = [`${names[axis]}o`, `${names[axis]}i`];
    const split = [...names.slice(0, axis), `(${outer} ${inner})`, ...names.slice(axis + 1)];
    const apart = [
      ...names.slice(0, axis),
      ...(a % 2 === 0 ? [outer, inner] : [inner, outer]),
      ...names.slice(axis + 1),
    ];
    const shape = x.shape.toSpliced(axis, 1, ...(a % 2 === 0 ? [size.a, size.b] : [size.b, size.a]));
    return float(`rearrange[${split.join(' ')} -> ${apart.join(' ')}](${x.text}, ${inner}=${textOf(size.b)})`, shape);
  },
  // Repeats along a new axis.
  ({ dims }, x, a, c) => {
    if (rank(x) >= maxRank) return undefined;
    const names = axisNames(x);
    const place = a % (rank(x) + 1);
    const size = at(dims, c);
    const to = names.toSpliced(place, 0, 'k');
    return float(
      `rearrange[${names.join(' ')} -> ${to.join(' ')}](${x.text}, k=${textOf(size)})`,
      x.shape.toSpliced(place, 0, size),
    );
  },
  (_, x, a, c) => {
    if (rank(x) === 0) return undefined;
    const names = axisNames(x);
    const kept = names.filter((_, axis) => axis !== a % rank(x) && (c % 3 !== 0 || axis % 2 === 0));
    if (x.shape.some((size, axis) => !kept.includes(names[axis] ?? '') && leastOf(size) < 1)) return undefined;
    const fn = at(['sum', 'max', 'mean', 'min'], c);
    const shape = x.shape.filter((_, axis) => kept.includes(names[axis] ?? ''));
    return float(`reduce[${names.join(' ')} -> ${kept.join(' ')}](${x.text}, ${fn})`, shape);
  },
  // Axes of equal size are shared; the first shared one is summed.
  ({ find }, x, a, c) => {
    if (rank(x) === 0 || rank(x) > 3) return undefined;
    const shared = a % rank(x);
    const y = find(
      (value) =>
        rank(value) > 0 && rank(value) < 4 && value.shape.some((size) => keyOf(size) === keyOf(sizeAt(x, shared))),
    );
    if (!y) return undefined;
    const xs = axisNames(x);
    const on = y.shape.findIndex((size) => keyOf(size) === keyOf(sizeAt(x, shared)));
    const ys = y.shape.map((_, axis) => (axis === on ? (xs[shared] ?? '') : `y${axis}`));
    const axes = [
      ...xs.map((name, axis) => ({ name, size: sizeAt(x, axis) })),
      ...ys.map((name, axis) => ({ name, size: sizeAt(y, axis) })).filter(({ name }) => name.startsWith('y')),
    ];
    const kept = axes.filter(({ name }) => c % 3 === 0 || name !== xs[shared]).slice(-maxRank);
    const order = c % 2 === 0 ? kept : kept.toReversed();
    return float(
      `einsum[${xs.join(' ')}, ${ys.join(' ')} -> ${order.map(({ name }) => name).join(' ')}](${x.text}, ${y.text})`,
      order.map(({ size }) => size),
    );
  },
  ({ find }, x) => {
    const y = find(
      (value) => rank(value) === 2 && rank(x) >= 2 && keyOf(sizeAt(value, 1)) === keyOf(sizeAt(x, rank(x) - 1)),
    );
    return y && float(`${x.text} @ transpose(${y.text})`, [...x.shape.slice(0, -1), sizeAt(y, 0)]);
  },
  (_, x, a, c) => {
    if (rank(x) === 0) return undefined;
    const axis = a % rank(x);
    const shape = replaced(x.shape, axis, combine('+', sizeAt(x, axis), 1 + (c % 3)));
    return float(`pad(${x.text}, ${c % 3}, 1, axis=${axisText(x, axis, c)})`, shape);
  },
  (_, x, a) => (rank(x) === 0 ? undefined : float(`flip(${x.text}, axis=${a % rank(x)})`, x.shape)),
  ({ find }, x, a) => {
    const y = find((value) => same(value.shape, x.shape)) ?? x;
    return float(`where(${x.text} ${at(['<', '>=', '=='], a)} ${y.text}, ${y.text}, 0.5)`, x.shape);
  },
  // Tabulations: bounds of reads are proved.
  (_, x, a, c) => {
    // Over a constant 0 no index exists, and no read is in bounds.
    if (rank(x) !== 2 || x.shape.includes(0)) return undefined;
    const [rows, columns] = [sizeAt(x, 0), sizeAt(x, 1)];
    const [read, shape] = at<readonly [string, readonly Size[]]>(
      [
        [`${x.text}[i, j]`, [rows, columns]],
        [`${x.text}[j, i]`, [columns, rows]],
        [`(${x.text}[i, j - 1] ?? 0.0)`, [rows, columns]],
        [`${x.text}[${textOf(rows)} - 1 - i, j]`, [rows, columns]],
      ],
      a,
    );
    return float(`for i < ${textOf(shape[0] ?? 1)}, j < ${textOf(shape[1] ?? 1)} => ${read} * ${1 + (c % 3)}.0`, shape);
  },
  (_, x, a, c) => {
    if (rank(x) === 0 || rank(x) >= maxRank) return undefined;
    const ids = `iota(${textOf(sizeAt(x, a % rank(x)))})`;
    return float(`gather(${x.text}, ${ids}, axis=${axisText(x, a % rank(x), c)})`, x.shape);
  },
  (_, x, a, c) => {
    if (rank(x) === 0 || rank(x) >= maxRank || leastOf(sizeAt(x, rank(x) - 1)) < 1) return undefined;
    const classes = 2 + (c % 3);
    return float(`one_hot(argmax(${x.text}, axis=-1), ${classes})`, [...x.shape.slice(0, -1), classes]);
  },
  // A run-time loop over slices, and over an axis that is not the first.
  (_, x, a, c) => {
    if (rank(x) < 2) return undefined;
    const axis = a % rank(x);
    const rest = without(x.shape, axis);
    const step = `fold h = zeros(${shapeText(rest)}) over row in ${x.text} along ${axis} => 0.5 * h + row`;
    return c % 2 === 0 ? float(step, rest) : float(`for row in ${x.text} along ${axis} => tanh(row)`, x.shape);
  },
  (_, x, a, c) => {
    if (rank(x) === 0) return undefined;
    const half = 1 + (c % 2);
    const axis = a % rank(x);
    const size = sizeAt(x, axis);
    if (leastOf(size) < half) return undefined;
    const parts = `[${half}, ${textOf(combine('-', size, half))}]`;
    return float(
      `split(${x.text}, ${parts}, axis=${axis})[${c % 2}]`,
      replaced(x.shape, axis, c % 2 === 0 ? half : combine('-', size, half)),
    );
  },
  // Calls of functions whose dims the arguments bind.
  ({ functions, find }, x, a) => {
    if (functions.length === 0) return undefined;
    const fn = at(functions, a);
    const bound: Record<string, Size> = {};
    const fits = (param: readonly Size[], value: Typed): boolean =>
      param.length === rank(value) &&
      param.every(
        (name, axis) =>
          typeof name !== 'string' || bound[name] === undefined || keyOf(bound[name]) === keyOf(sizeAt(value, axis)),
      );
    const args: Typed[] = [];
    for (const [index, param] of fn.params.entries()) {
      const arg = index === 0 && fits(param, x) ? x : find((value) => fits(param, value));
      if (!arg || arg.shape.some((size) => leastOf(size) < 1)) return undefined;
      for (const [axis, name] of param.entries()) if (typeof name === 'string') bound[name] ??= sizeAt(arg, axis);
      args.push(arg);
    }
    return float(
      `${fn.name}(${args.map((arg) => arg.text).join(', ')})`,
      fn.result.map((size) => replaceNames(size, bound)),
    );
  },
  // A function over a pack, and one with an axis in front of it.
  (_, x) => float(`scaled(${x.text})`, x.shape),
  (_, x) =>
    rank(x) === 0
      ? undefined
      : float(`ends(${x.text})`, [...x.shape.slice(0, -1), combine('+', combine('*', 2, sizeAt(x, rank(x) - 1)), 1)]),
  // Layers on a last axis of constant size.
  ({ layers }, x, a) => {
    const size = x.shape.at(-1);
    if (!layers || typeof size !== 'number' || size < 1) return undefined;
    const out = 1 + (a % 3);
    const name = `layer${layers.length}`;
    layers.push(`  let ${name} = ${at([`Linear(${size}, ${out})`, `Mixer(${size}, ${out})`], a)}`);
    return float(`${name}(${x.text})`, [...x.shape.slice(0, -1), out]);
  },
];

/** The number of kinds of steps. */
export const stepCount = steps.length;

interface Body {
  readonly lines: readonly string[];
  readonly values: readonly Typed[];
}

// One let per choice that fits; some are annotated with their type, which the checker must then prove.
function drawBody(
  choices: readonly Choice[],
  start: readonly Typed[],
  scope: Pick<Scope, 'dims' | 'functions' | 'layers'>,
): Body {
  const values = [...start];
  const lines: string[] = [];
  for (const [op, operand, a, c, annotate] of choices) {
    const x = at(values, operand % 2 === 0 ? Math.max(0, values.length - 1 - ((operand / 2) % 6)) : operand);
    const find = (test: (value: Typed) => boolean): Typed | undefined => {
      const found = values.filter(test);
      return found.length === 0 ? undefined : at(found, a + c);
    };
    const made = at(steps, op)({ ...scope, values, find }, x, a, c);
    if (!made || made.shape.some((size) => sizeLength(size) > 40)) continue;
    const name = `v${lines.length}`;
    const type = annotate % 3 === 0 ? `: ${shapeText(made.shape)}` : '';
    lines.push(`    let ${name}${type} = ${made.text}`);
    values.push({ ...made, text: name });
  }
  return { lines, values: values.slice(start.length) };
}

const sizeLength = (size: Size): number => textOf(size).length;

function drawFunction(name: string, choices: readonly Choice[]): DrawnFunction {
  const params: readonly (readonly Size[])[] = [
    ['p', 'q'],
    ['q', 'r'],
  ];
  const start = params.map((shape, index) => float(`u${index}`, shape));
  const { lines, values } = drawBody(choices, start, { dims: ['p', 'q', 'r', 2], functions: [], layers: null });
  const last = values.at(-1) ?? float('u0', ['p', 'q']);
  const signature = start.map((value) => `${value.text}: ${shapeText(value.shape)}`).join(', ');
  const body = ['{', ...lines.map((line) => line.slice(2)), `  ${last.text}`, '}'].join('\n');
  return { name, text: `fn ${name}(${signature}) -> ${shapeText(last.shape)} ${body}\n`, params, result: last.shape };
}

const library = `import { Linear } from "std/nn"

fn scaled(x: [...s]) -> [...s] = 0.5 * x

fn ends(x: [...s, k]) -> [...s, 2 * k + 1] = concat([x, pad(x, 0, 1, axis=-1)], axis=-1)

layer Mixer(inputs: int, outputs: int) {
  param weight: [outputs, inputs] = ones()
  fn forward(x: [...s, inputs]) -> [...s, outputs] = x @ transpose(weight)
}
`;

const inputs: readonly Typed[] = [
  float('x', ['b', 't', 4]),
  float('y', ['t', 'n']),
  float('z', ['b', 't']),
  float('w', [combine('+', 't', 2), 6]),
  float('s', [combine('*', 2, 'n'), 'b']),
  float('g', [4]),
];

/** The program that lists of choices describe. */
export function programOf(main: readonly Choice[], helpers: readonly (readonly Choice[])[]): RandomProgram {
  const functions = helpers
    .filter((choices) => choices.length > 0)
    .map((choices, index) => drawFunction(`f${index}`, choices));
  const layers: string[] = [];
  const { lines, values } = drawBody(main, inputs, {
    dims: ['b', 't', 'n', 2, 3, combine('*', 2, 'n')],
    functions,
    layers,
  });
  const lets = values.length > 0 ? values : inputs;
  const signature = inputs.map((value) => `${value.text}: ${shapeText(value.shape)}`).join(', ');
  const results = lets.map(({ text }) => `r${text}=${text}`).join(', ');
  const model = `export model M() {\n${layers.join('\n')}\n  export fn main(${signature}) {\n${lines.join('\n')}\n    (${results})\n  }\n}\n`;
  return { text: [library, ...functions.map(({ text }) => text), model].join('\n'), lets };
}

const choice: fc.Arbitrary<Choice> = fc.tuple(fc.nat(999), fc.nat(99), fc.nat(99), fc.nat(99), fc.nat(99));
const choices = (maxLength: number, minLength = 0): fc.Arbitrary<Choice[]> =>
  fc.array(choice, { minLength, maxLength, size: 'max' });

/** Random programs; a smaller one has fewer lets. */
export const programs: fc.Arbitrary<RandomProgram> = fc
  .tuple(choices(12, 1), fc.array(choices(4), { maxLength: 2 }))
  .map(([main, helpers]) => programOf(main, helpers));
