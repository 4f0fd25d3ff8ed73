// `@quantize(bits=8, group=32)` before a parameter, a member with layers, a layer or a model: matrices lie in memory as
// integers of 8 or 4 bits, with a scale for each group of neighbours. The graph unpacks them where they are read.
import { asConstant, ceilDiv, constant, dim, mul, product, sub, type Dim } from '../ir/dim.ts';
import type { Builder } from '../ir/builder.ts';
import type { TensorType, Value as GraphValue } from '../ir/graph.ts';
import type { Attribute } from '../parser/ast.ts';
import { messages } from '../support/messages.gen.ts';
import type { Span } from '../support/source.ts';
import { unknownArgument } from './arguments.ts';
import { evaluate } from './expressions/evaluate.ts';
import { report, type Frame } from './frame.ts';
import type { Slot } from './instances.ts';
import { describe } from './values.ts';

/** How a parameter is stored. */
export interface Quantization {
  readonly bits: 4 | 8;
  /** How many neighbours of a row share a scale: a multiple of 32. */
  readonly group: number;
  /** The attribute. */
  readonly span: Span;
}

const options = ['bits', 'group'] as const;
const offered: Readonly<Record<(typeof options)[number], readonly [text: string, test: (value: number) => boolean]>> = {
  bits: ['4 or 8', (value) => value === 4 || value === 8],
  group: ['a multiple of 32', (value) => value > 0 && value % 32 === 0],
};

/** What the attribute asks for; options that are wrong are reported and have their defaults. */
export function readQuantization(frame: Frame, attribute: Attribute): Quantization {
  const callee = { name: '@quantize', what: 'attribute', span: attribute.span, text: '@quantize' };
  const result = { bits: 8, group: 32 };
  (attribute.args ?? []).forEach((arg, i) => {
    const name = arg.name?.name ?? options[i] ?? '';
    const option = options.find((each) => each === name);
    if (!option)
      return report(
        frame,
        unknownArgument(name, arg.name?.span ?? arg.span, options, callee, ['@quantize(bits=8, group=32)']),
      );
    const value = arg.value.kind === 'hole' ? undefined : evaluate(frame, arg.value);
    if (value?.kind === 'unknown') return;
    const given = value?.kind === 'int' ? asConstant(value.dim) : undefined;
    const [expected, test] = offered[option];
    if (given !== undefined && test(given)) result[option] = given;
    else {
      const got = given === undefined ? (value ? describe(value) : '`_`') : String(given);
      report(frame, messages.E0402(arg.span, { what: `\`${option}\` of \`@quantize\``, expected, got }));
    }
  });
  return { bits: result.bits === 4 ? 4 : 8, group: result.group, span: attribute.span };
}

/** How parameters inside a declaration or member are stored: as its own attribute says, else as around it. */
export function quantizationInside(frame: Frame, attributes: readonly Attribute[]): Quantization | undefined {
  const own = attributes.find(({ name }) => name.name === 'quantize');
  if (!own) return frame.quantization;
  // Errors were reported where the attribute was checked.
  return readQuantization({ ...frame, session: { ...frame.session, report: () => undefined } }, own);
}

/** Reports E0710 where `slot` is quantized: it cannot take new values. */
export function isWritable(frame: Frame, slot: Slot, path: string, span: Span): boolean {
  const { quantization } = slot;
  if (!quantization) return true;
  const label = `kept as integers of ${quantization.bits} bits`;
  report(
    frame,
    messages.E0710(
      span,
      { path, bits: String(quantization.bits) },
      {
        secondary: [{ span: quantization.span, label }],
        helps: [
          { text: 'leave it out of what is trained: `@freeze`, or `of except(…)`' },
          { text: 'or train the model without `@quantize`; its file can be loaded with it' },
        ],
      },
    ),
  );
  return false;
}

const wordBits = 32;
/** Elements of four words. */
const blockOf = ({ bits }: Quantization): number => (4 * wordBits) / bits;

interface Layout {
  readonly rows: Dim;
  /** Elements of a row: of all axes but the first. */
  readonly row: Dim;
  /** Groups of four words in a row. */
  readonly blocks: Dim;
  readonly groups: Dim;
  /** Elements of a group. */
  readonly group: Dim;
  /** Elements of whole blocks, and of whole groups. */
  readonly packed: Dim;
  readonly grouped: Dim;
}

function layoutOf({ shape: [rows = constant(1), ...rest] }: TensorType, quantization: Quantization): Layout {
  const block = blockOf(quantization);
  const row = product(rest);
  const blocks = ceilDiv(row, block);
  const packed = mul(blocks, block);
  const groups = ceilDiv(row, quantization.group);
  const isWhole = asConstant(groups) === 1;
  const group = isWhole ? packed : constant(quantization.group);
  return { rows, row, blocks, groups, group, packed, grouped: mul(groups, group) };
}

/** Types of the two tensors that hold a parameter of `type`. */
export function storedTypes(type: TensorType, quantization: Quantization): Record<'words' | 'scales', TensorType> {
  const { rows, blocks, groups } = layoutOf(type, quantization);
  return {
    words: { dtype: 'u32', shape: [rows, mul(blocks, 4)] },
    scales: { dtype: 'f32', shape: [rows, groups] },
  };
}

// The first `size` of each row.
function cut(b: Builder, x: GraphValue, size: Dim): GraphValue {
  const [rows = constant(1), all] = x.type.shape;
  if (all?.key === size.key) return x;
  return b.op('slice', [x], { start: [constant(0), constant(0)], size: [rows, size], stride: [1, 1] });
}

// Rows filled up with zeros.
function fill(b: Builder, x: GraphValue, size: Dim): GraphValue {
  const [, all] = x.type.shape;
  if (!all || all.key === size.key) return x;
  const none = constant(0);
  return b.op('pad', [x], { lo: [none, none], hi: [none, sub(size, all)], interior: [0, 0], value: 0 });
}

// bits·(place of the element in its word), for the elements of each block.
function places(b: Builder, shape: readonly Dim[], bits: number): GraphValue {
  const place = b.op('iota', [], { dtype: 'u32', shape, axis: 2 });
  return b.mul(place, b.like(place, bits));
}

// What each element of a group is multiplied by, along rows of `size`.
function spread(b: Builder, scales: GraphValue, { rows, groups, group, grouped }: Layout, size: Dim): GraphValue {
  return cut(b, b.reshape(b.broadcast(scales, [0, 1], [rows, groups, group]), [rows, grouped]), size);
}

/**
 * Words and scales of `x`. A scale is the largest |x| of its group over 127 or 7. A block is four words, word i of which
 * holds elements i, i + 4, i + 8, … of the block, the first in its lowest bits: four neighbours lie in four words at one place.
 */
export function quantize(b: Builder, x: GraphValue, quantization: Quantization): readonly [GraphValue, GraphValue] {
  const layout = layoutOf(x.type, quantization);
  const { bits } = quantization;
  const { rows, row, blocks, groups, group, packed, grouped } = layout;
  const matrix = fill(b, b.reshape(x, [rows, row]), grouped);
  const largest = b.reduce('max', b.unary('abs', b.reshape(matrix, [rows, groups, group])), [2]);
  const scales = b.div(largest, b.like(largest, 2 ** (bits - 1) - 1));
  const divisor = b.select(b.binary('eq', scales, b.zero(scales)), b.one(scales), scales);
  const rounded = b.unary('round', b.div(matrix, spread(b, divisor, layout, grouped)));
  const integers = cut(b, b.op('bitcast', [b.cast(rounded, 'i32')], { dtype: 'u32' }), packed);
  const shape = [rows, blocks, dim(wordBits / bits), dim(4)];
  const lanes = b.reshape(b.binary('and', integers, b.like(integers, 2 ** bits - 1)), shape);
  const words = b.reduce('sum', b.binary('shl', lanes, places(b, shape, bits)), [2]);
  return [b.reshape(words, [rows, mul(blocks, 4)]), scales];
}

/** The tensor of `type` that words and scales hold. */
export function dequantize(
  b: Builder,
  words: GraphValue,
  scales: GraphValue,
  type: TensorType,
  quantization: Quantization,
): GraphValue {
  const layout = layoutOf(type, quantization);
  const { bits } = quantization;
  const { rows, row, blocks, packed } = layout;
  const shape = [rows, blocks, dim(wordBits / bits), dim(4)];
  const word = b.broadcast(b.reshape(words, [rows, blocks, 4]), [0, 1, 3], shape);
  const place = places(b, shape, bits);
  const left = b.binary('shl', word, b.sub(b.like(place, wordBits - bits), place));
  const signed = b.op('bitcast', [left], { dtype: 'i32' });
  const integers = b.binary('shr', signed, b.like(signed, wordBits - bits));
  const values = cut(b, b.reshape(b.cast(integers, 'f32'), [rows, packed]), row);
  return b.reshape(b.mul(values, spread(b, scales, layout, row)), type.shape);
}
