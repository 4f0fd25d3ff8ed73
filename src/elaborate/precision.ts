// `@precision(compute=f16, params=f32, accum=f32)` before a fn, layer, model or train: what `float` means inside.
// Between f32 and float, conversions are put in at calls, returns, updates and where both meet in arithmetic.
import { isFloat, type DType } from '../ir/dtype.ts';
import type { Value as GraphValue } from '../ir/graph.ts';
import type { Builder } from '../ir/builder.ts';
import type { Attribute, TypeExpr } from '../parser/ast.ts';
import { messages } from '../support/messages.gen.ts';
import { spanText } from '../support/source.ts';
import { unknownArgument } from './arguments.ts';
import { evaluate } from './expressions/evaluate.ts';
import { report, type Frame } from './frame.ts';
import { describe } from './values.ts';

/** The dtypes of parameters and states, of what is computed, and of sums. */
export interface Precision {
  readonly params: DType;
  readonly compute: DType;
  readonly accum: DType;
}

const single: Precision = { params: 'f32', compute: 'f32', accum: 'f32' };

const parts = ['params', 'compute', 'accum'] as const;
const offered: Readonly<Record<keyof Precision, readonly DType[]>> = {
  params: ['f32', 'f16'],
  compute: ['f32', 'f16'],
  accum: ['f32'],
};

const partNamed = (name: string): keyof Precision | undefined => parts.find((part) => part === name);

/** What the attribute asks for; the other parts, and those that are wrong and reported, stay as they are around it. */
export function readPrecision(frame: Frame, attribute: Attribute): Precision {
  const callee = { name: '@precision', what: 'attribute', span: attribute.span, text: '@precision' };
  const notes = [`@precision(${parts.map((part) => `${part}=f32`).join(', ')})`];
  const result = { ...single, ...frame.precision };
  (attribute.args ?? []).forEach((arg, i) => {
    const name = arg.name?.name ?? parts[i] ?? '';
    const part = partNamed(name);
    if (!part) return report(frame, unknownArgument(name, arg.name?.span ?? arg.span, [...parts], callee, notes));
    const value = arg.value.kind === 'name' ? evaluate(frame, arg.value) : undefined;
    if (value?.kind === 'unknown') return;
    if (value?.kind !== 'dtype') {
      const got = value ? describe(value) : `\`${spanText(arg.value.span)}\``;
      return report(frame, messages.E0402(arg.span, { what: `\`${name}\``, expected: 'a dtype', got }));
    }
    if (offered[part].includes(value.dtype)) result[part] = value.dtype;
    else
      report(frame, messages.E0413(arg.span, { part: name, dtype: value.dtype, offered: offered[part].join(' or ') }));
  });
  return result;
}

/** The precision inside a declaration: its own attribute, else that of `frame`. */
export function precisionInside(frame: Frame, attributes: readonly Attribute[]): Precision | undefined {
  const own = attributes.find(({ name }) => name.name === 'precision');
  if (!own) return frame.precision;
  // Errors were reported where the declaration was checked.
  return readPrecision({ ...frame, session: { ...frame.session, report: () => undefined } }, own);
}

/** The dtype that `float` means here. */
export const floatOf = (frame: Frame): DType => frame.precision?.compute ?? 'f32';

/** Whether an annotation is a tensor of `float`. */
export const isFloatType = (type: TypeExpr): boolean =>
  type.kind === 'tensor-type' && (type.dtype === null || type.dtype.name === 'float');

/** `x`, where it is a float, as a float of `dtype`. */
export const asFloat = (builder: Builder, x: GraphValue, dtype: DType): GraphValue =>
  isFloat(x.type.dtype) && isFloat(dtype) ? builder.cast(x, dtype) : x;
