// einsum, rearrange and reduce: patterns of named axes. A name that is an int in scope has that size;
// others take theirs from the operands. Everything becomes reshape, permute, broadcast, reduce and dot.
import { asConstant, constant, divideExactly, floorDiv, one, product, type Dim } from '../../ir/dim.ts';
import { isFloat } from '../../ir/dtype.ts';
import type { Value as GraphValue } from '../../ir/graph.ts';
import type { Argument, Axes, Axis, PatternExpr } from '../../parser/ast.ts';
import type { Help } from '../../support/diagnostic.ts';
import { messages } from '../../support/messages.gen.ts';
import { joinSpans, spanText, type Span } from '../../support/source.ts';
import { callValue } from '../calls.ts';
import { derive } from '../derivation.ts';
import { parameterPlace, signaturePlace } from '../dim-places.ts';
import { divides, equalDims, resolved } from '../dims.ts';
import { reject, type Frame } from '../frame.ts';
import { dimNamed } from '../types.ts';
import { describe, int, list, tensor, typeText, unknown, type GivenArgument, type Value } from '../values.ts';
import { evaluate } from './evaluate.ts';
import { graphOf, NotScalar, toTensor, unify } from './tensors.ts';

/** One axis without groups: its name (literals and the axes of `...` have made-up ones). */
interface Leaf {
  readonly name: string;
  readonly span: Span;
}

/** A side of a pattern: groups of leaves, one group per axis of the tensor. */
type Groups = readonly (readonly Leaf[])[];

/** Sizes of named axes, as far as they are known. */
class Sizes {
  readonly #sizes = new Map<string, Dim>();

  constructor(
    readonly frame: Frame,
    readonly given: ReadonlyMap<string, Dim>,
  ) {}

  /** The size of a leaf: an argument, an int in scope, or what an operand gave it. */
  get(leaf: Leaf): Dim | undefined {
    const fixed = /^\d+$/.test(leaf.name) ? constant(Number(leaf.name)) : undefined;
    return (
      fixed ??
      this.#sizes.get(leaf.name) ??
      this.given.get(leaf.name) ??
      (isName(leaf) ? dimNamed(this.frame, leaf.name) : undefined)
    );
  }

  /** States the size of a leaf; E0305 where it must be another. */
  set(leaf: Leaf, size: Dim, note: string, other?: Leaf): void {
    const known = this.get(leaf);
    if (known) {
      const answer = equalDims(this.frame, known, size);
      if (answer === 'refuted' || answer === 'unknown')
        rejectAxis(this.frame, leaf, known, size, note, other && this.#instead(other, size, known));
    }
    this.#sizes.set(leaf.name, known && asConstant(size) === undefined ? known : size);
  }

  // The size of `other` with which this axis would have the size that it must have.
  #instead(other: Leaf, got: Dim, expected: Dim): Help | undefined {
    const [own, a, b] = [this.given.get(other.name), got, expected].map((d) => d && asConstant(d));
    const size = ((own ?? 0) * (a ?? 0)) / (b ?? 1);
    return size > 0 && Number.isInteger(size) ? { text: `did you mean \`${other.name}=${size}\`?` } : undefined;
  }

  need(leaf: Leaf): Dim {
    return (
      this.get(leaf) ??
      reject(
        this.frame,
        messages.E0311(
          leaf.span,
          { dim: leaf.name },
          { helps: [{ text: `give its size after the tensor: \`${leaf.name}=…\`` }] },
        ),
      )
    );
  }
}

const isName = (leaf: Leaf): boolean => /^[A-Za-z_]/.test(leaf.name);

function rejectAxis(frame: Frame, leaf: Leaf, expected: Dim, got: Dim, note: string, help?: Help): never {
  const place = parameterPlace(frame, leaf.name) ?? signaturePlace(frame, leaf.name);
  const known = place && place.start !== leaf.span.start;
  reject(
    frame,
    messages.E0305(
      leaf.span,
      { axis: leaf.name, expected: expected.key, got: got.key },
      {
        ...(note === '' ? {} : { label: note }),
        secondary: known ? [{ span: place, label: `\`${leaf.name}\` is already ${expected.key}` }] : [],
        helps: help ? [help] : [],
      },
    ),
  );
}

/** Any pattern form; `piped` is the left side of `|>`. */
export function evaluatePattern(frame: Frame, expr: PatternExpr, piped: GivenArgument | null): Value {
  // Left over from a syntax error.
  if (expr.inputs.length === 0) return unknown;
  const tensors: GivenArgument[] = piped ? [piped] : [];
  const given = new Map<string, Dim>();
  const extra: Argument[] = [];
  for (const arg of expr.args) {
    if (arg.value.kind === 'hole') return reject(frame, messages.E0310(arg.span, { callee: `\`${expr.form}\`` }));
    if (arg.name) {
      const value = evaluate(frame, arg.value);
      if (value.kind === 'unknown') return unknown;
      if (value.kind !== 'int')
        return reject(
          frame,
          messages.E0402(arg.value.span, {
            what: `the size of axis \`${arg.name.name}\``,
            expected: 'an int',
            got: describe(value),
          }),
        );
      given.set(arg.name.name, resolved(frame, value.dim));
    } else if (tensors.length < expr.inputs.length)
      tensors.push({ value: evaluate(frame, arg.value), span: arg.value.span });
    else extra.push(arg);
  }
  const callee = { what: 'pattern', callee: expr.form };
  if (tensors.length < expr.inputs.length)
    return reject(
      frame,
      messages.E0206(expr.span, {
        ...callee,
        expected: `${expr.inputs.length} tensor${expr.inputs.length === 1 ? '' : 's'}`,
        got: tensors.length,
      }),
    );
  if (tensors.some((t) => t.value.kind === 'unknown')) return unknown;
  const values = operands(frame, tensors, expr);
  const sizes = new Sizes(frame, given);
  const inputs = expr.inputs.map((axes, i) => readInput(frame, sizes, axes, values[i], tensors[i]));
  const packs = new Map(inputs.flatMap((input) => input.pack));
  const output = flatten(frame, expr.output, packs, null);
  const leaves = inputs.map((input) => input.leaves);
  const result =
    expr.form === 'rearrange'
      ? rearrange(frame, sizes, inputs[0]?.value, leaves[0] ?? [], output)
      : expr.form === 'reduce'
        ? reducePattern(frame, sizes, expr, inputs[0]?.value, leaves[0] ?? [], output, extra)
        : einsum(
            frame,
            inputs.map((input) => input.value),
            leaves,
            output.flat(),
            expr.span,
          );
  const source = tensors[0]?.value;
  return tensor(
    result,
    derive(expr.form, result.type, patternText(expr), source?.kind === 'tensor' ? source.derivation : undefined),
  );
}

const patternText = (expr: PatternExpr): string =>
  `[${expr.inputs.map((axes) => spanText(axes.span)).join(', ')} -> ${spanText(expr.output.span)}]`.replaceAll(
    /\s+/g,
    ' ',
  );

function operands(frame: Frame, tensors: readonly GivenArgument[], expr: PatternExpr): readonly GraphValue[] {
  const [first, second] = tensors;
  if (frame.tabulating) throw new NotScalar();
  if (first && second && tensors.length === 2) return unify(frame, first.value, second.value, '`einsum`', expr.span);
  return tensors.map((t) => toTensor(frame, t.value, undefined, t.span));
}

interface Input {
  /** The operand with one axis per leaf. */
  readonly value: GraphValue;
  readonly leaves: readonly Leaf[];
  readonly pack: readonly (readonly [string, readonly Leaf[]])[];
}

function readInput(
  frame: Frame,
  sizes: Sizes,
  axes: Axes,
  x: GraphValue | undefined,
  given: GivenArgument | undefined,
): Input {
  if (!x)
    return reject(
      frame,
      messages.E0206(axes.span, { what: 'pattern', callee: 'einsum', expected: 'a tensor per input', got: 0 }),
    );
  const packs = new Map<string, readonly Leaf[]>();
  const groups = flatten(frame, axes, packs, x.type.shape.length);
  if (groups.length !== x.type.shape.length)
    return reject(
      frame,
      messages.E0309(given?.span ?? axes.span, {
        callee: `the pattern \`${spanText(axes.span)}\``,
        needed: String(groups.length),
        got: typeText(x.type, true),
      }),
    );
  groups.forEach((group, i) => solveGroup(frame, sizes, group, x.type.shape[i] ?? one, axes.span));
  const leaves = groups.flat();
  const seen = new Set<string>();
  for (const leaf of leaves) {
    if (isName(leaf) && seen.has(leaf.name)) reject(frame, messages.E0204(leaf.span, { name: leaf.name }));
    seen.add(leaf.name);
  }
  const split = groups.some((group) => group.length !== 1);
  const value = split
    ? graphOf(frame).builder.reshape(
        x,
        leaves.map((leaf) => sizes.need(leaf)),
      )
    : x;
  return { value, leaves, pack: [...packs] };
}

// Groups of one side; `...` stands for as many axes as the others leave.
function flatten(frame: Frame, axes: Axes, packs: Map<string, readonly Leaf[]>, rank: number | null): Groups {
  return axes.items.flatMap((item): Groups => {
    if (item.kind !== 'ellipsis-axis') return [leavesOf(frame, item)];
    const known = packs.get('...');
    if (known) return known.map((leaf) => [leaf]);
    const n = rank === null ? 0 : Math.max(0, rank - (axes.items.length - 1));
    const leaves = Array.from({ length: n }, (_, k): Leaf => ({ name: `...${k - n}`, span: item.span }));
    packs.set('...', leaves);
    return leaves.map((leaf) => [leaf]);
  });
}

function leavesOf(frame: Frame, item: Axis): readonly Leaf[] {
  if (item.kind === 'named-axis') return [{ name: item.name, span: item.span }];
  if (item.kind === 'number-axis') return [{ name: String(item.value), span: item.span }];
  if (item.kind === 'group-axis') return item.axes.items.flatMap((inner) => leavesOf(frame, inner));
  return reject(frame, messages.E0412(item.span, { operation: 'group', operands: '`...`' }));
}

// The size of an axis is the product of its leaves: at most one of them may be open.
function solveGroup(frame: Frame, sizes: Sizes, group: readonly Leaf[], size: Dim, span: Span): void {
  const [only] = group;
  if (group.length === 1 && only) return sizes.set(only, size, '');
  // A leaf given by name in the call is fixed; then one that no argument gives is solved from the rest.
  const open = group.filter(
    (leaf) => !/^\d+$/.test(leaf.name) && !sizes.given.has(leaf.name) && sizes.get(leaf) === undefined,
  );
  const [target = group.find((leaf) => isName(leaf) && !sizes.given.has(leaf.name)), second] = open;
  if (second) {
    const [a, b] = [open[0], second];
    return reject(
      frame,
      messages.E0311(
        joinSpans(a?.span ?? b.span, b.span),
        { dim: b.name },
        { helps: [{ text: `give one of the sizes: \`${b.name}=…\`` }] },
      ),
    );
  }
  const rest = product(group.filter((leaf) => leaf !== target).map((leaf) => sizes.need(leaf)));
  const names = group.map((leaf) => leaf.name).join(' * ');
  if (!target) {
    if (equalDims(frame, rest, size) !== 'proved')
      rejectAxis(frame, group[0] ?? noLeaf(frame, size, span), rest, size, `${size.key} = ${names}`);
    return;
  }
  if (divides(frame, rest, size) !== 'proved')
    return reject(
      frame,
      messages.E0304(
        target.span,
        { expression: `${size.key} / ${rest.key}`, reason: exactReason(size, rest) },
        { label: `${size.key} = ${names}` },
      ),
    );
  const quotient =
    divideExactly(size, rest) ??
    (equalDims(frame, size, product(group.map((leaf) => sizes.get(leaf) ?? one))) === 'proved'
      ? sizes.need(target)
      : floorDiv(size, rest));
  const others = group.filter((leaf) => leaf !== target && isName(leaf));
  const known = others.map((leaf) => `, ${leaf.name} = ${sizes.need(leaf).key}`).join('');
  const note = `${size.key} = ${names}${known}  =>  ${target.name} = ${quotient.key}`;
  sizes.set(target, quotient, note, others.length === 1 ? others[0] : undefined);
}

// `()` is an axis of size 1.
function noLeaf(frame: Frame, size: Dim, span: Span): never {
  return reject(frame, messages.E0305(span, { axis: '()', expected: '1', got: size.key }));
}

function exactReason(size: Dim, by: Dim): string {
  const [x, y] = [asConstant(size), asConstant(by)];
  return x !== undefined && y ? `${x} / ${y} leaves ${x % y}` : `cannot prove that ${by.key} divides ${size.key}`;
}

function rearrange(
  frame: Frame,
  sizes: Sizes,
  x: GraphValue | undefined,
  from: readonly Leaf[],
  output: Groups,
): GraphValue {
  const target = output.flat();
  const dropped = from.find((leaf) => isWhole(leaf) && !target.some((t) => t.name === leaf.name));
  if (dropped)
    return reject(
      frame,
      messages.E0315(
        dropped.span,
        { problem: `the axis \`${dropped.name}\` is missing on the right of \`->\`` },
        { helps: [{ text: 'a reduction is written `reduce[… -> …](x, sum)`' }] },
      ),
    );
  return assemble(frame, sizes, x, from, output);
}

// A literal 1 may come and go; every other axis must stay.
const isWhole = (leaf: Leaf): boolean => leaf.name !== '1';

// x has one axis per leaf of `from`; drops 1s, permutes, repeats along new axes and merges groups.
function assemble(
  frame: Frame,
  sizes: Sizes,
  x: GraphValue | undefined,
  from: readonly Leaf[],
  output: Groups,
): GraphValue {
  if (!x) throw new RangeError('a pattern has an operand');
  const { builder } = graphOf(frame);
  const target = output.flat().filter(isWhole);
  const kept = from.filter(isWhole);
  const squeezed =
    kept.length === from.length
      ? x
      : builder.reshape(
          x,
          kept.map((leaf) => sizes.need(leaf)),
        );
  const order = target.flatMap((leaf) => {
    const at = kept.findIndex((k) => k.name === leaf.name);
    return at < 0 ? [] : [at];
  });
  const permuted = order.every((at, i) => at === i) ? squeezed : builder.permute(squeezed, order);
  const present = target.flatMap((leaf, i) => (kept.some((k) => k.name === leaf.name) ? [i] : []));
  const whole =
    present.length === target.length
      ? permuted
      : builder.broadcast(
          permuted,
          present,
          target.map((leaf) => sizes.need(leaf)),
        );
  const shape = output.map((group) => product(group.map((leaf) => sizes.need(leaf))));
  const same =
    shape.length === whole.type.shape.length &&
    output.every((group) => group.length === 1 && group[0] && isWhole(group[0]));
  return same ? whole : builder.reshape(whole, shape);
}

const kinds: Readonly<Record<string, 'sum' | 'max' | 'min' | 'prod' | 'and' | 'or'>> = {
  sum: 'sum',
  max: 'max',
  min: 'min',
  prod: 'prod',
  all: 'and',
  any: 'or',
};

function reducePattern(
  frame: Frame,
  sizes: Sizes,
  expr: PatternExpr,
  x: GraphValue | undefined,
  from: readonly Leaf[],
  output: Groups,
  extra: readonly Argument[],
): GraphValue {
  const [how] = extra;
  if (!x || !how || how.value.kind === 'hole')
    return reject(
      frame,
      messages.E0205(expr.span, { what: 'pattern', callee: 'reduce', argument: 'a reduction such as sum or mean' }),
    );
  const target = new Set(output.flat().map((leaf) => leaf.name));
  const axes = from.flatMap((leaf, i) => (target.has(leaf.name) && isWhole(leaf) ? [] : [i]));
  const left = from.filter((_, i) => !axes.includes(i));
  const name = how.value.kind === 'name' ? how.value.name : '';
  const kind = kinds[name];
  const value = kind
    ? axes.length === 0
      ? x
      : graphOf(frame).builder.op('reduce', [x], { kind, axes })
    : toTensor(
        frame,
        callValue(frame, evaluate(frame, how.value), [tensor(x), axesValue(axes)], how.span),
        undefined,
        how.span,
      );
  return assemble(frame, sizes, value, left, output);
}

const axesValue = (axes: readonly number[]): Value =>
  axes.length === 1 ? int(axes[0] ?? 0) : list(axes.map((axis) => int(axis)));

// Operands are combined from the left: shared axes that nobody needs later are contracted.
function einsum(
  frame: Frame,
  values: readonly GraphValue[],
  leaves: readonly (readonly Leaf[])[],
  output: readonly Leaf[],
  span: Span,
): GraphValue {
  const wanted = new Set(output.map((leaf) => leaf.name));
  let [value, names] = [values[0], leaves[0] ?? []];
  if (!value) throw new RangeError('einsum has an operand');
  if (!isFloat(value.type.dtype))
    return reject(
      frame,
      messages.E0402(span, {
        what: 'an operand of `einsum`',
        expected: 'a tensor of floats',
        got: typeText(value.type, true),
      }),
    );
  values.slice(1).forEach((next, i) => {
    const own = leaves[i + 1] ?? [];
    const later = new Set([
      ...wanted,
      ...leaves
        .slice(i + 2)
        .flat()
        .map((leaf) => leaf.name),
    ]);
    [value, names] = contract(frame, value ?? next, names, next, own, later);
  });
  const loose = names.flatMap((leaf, at) => (wanted.has(leaf.name) ? [] : [at]));
  const reduced = loose.length > 0 ? graphOf(frame).builder.reduce('sum', value, loose) : value;
  const rest = names.filter((leaf) => wanted.has(leaf.name));
  const missing = output.find((leaf) => !rest.some((r) => r.name === leaf.name));
  if (missing) return reject(frame, messages.E0311(missing.span, { dim: missing.name }));
  const order = output.map((leaf) => rest.findIndex((r) => r.name === leaf.name));
  return order.every((at, i) => at === i) ? reduced : graphOf(frame).builder.permute(reduced, order);
}

function contract(
  frame: Frame,
  a: GraphValue,
  an: readonly Leaf[],
  b: GraphValue,
  bn: readonly Leaf[],
  later: ReadonlySet<string>,
): [GraphValue, readonly Leaf[]] {
  const { builder } = graphOf(frame);
  const lone = (names: readonly Leaf[], other: readonly Leaf[]): number[] =>
    names.flatMap((leaf, at) => (later.has(leaf.name) || other.some((o) => o.name === leaf.name) ? [] : [at]));
  const [da, db] = [lone(an, bn), lone(bn, an)];
  const [x, y] = [builder.reduce('sum', a, da), builder.reduce('sum', b, db)];
  const [xn, yn] = [an.filter((_, i) => !da.includes(i)), bn.filter((_, i) => !db.includes(i))];
  const pairs = xn.flatMap((leaf, i) => {
    const j = yn.findIndex((o) => o.name === leaf.name);
    return j < 0 ? [] : [{ leaf, pair: [i, j] as const }];
  });
  const batch = pairs.filter(({ leaf }) => later.has(leaf.name));
  const sums = pairs.filter(({ leaf }) => !later.has(leaf.name));
  const result = builder.dot(
    x,
    y,
    batch.map(({ pair }) => pair),
    sums.map(({ pair }) => pair),
  );
  const free = (names: readonly Leaf[]): readonly Leaf[] =>
    names.filter((leaf) => !pairs.some((p) => p.leaf.name === leaf.name));
  return [result, [...batch.map(({ leaf }) => leaf), ...free(xn), ...free(yn)]];
}
