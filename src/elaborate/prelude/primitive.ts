// Functions that the language has by itself: their parameters, and how each becomes a static value or
// nodes of the graph. Everything that can be written in .dlm is in stdlib/fn instead.
import { asConstant, type Dim } from '../../ir/dim.ts';
import type { DType } from '../../ir/dtype.ts';
import type { Builder } from '../../ir/builder.ts';
import type { Value as GraphValue } from '../../ir/graph.ts';
import { messages } from '../../support/messages.gen.ts';
import type { Span } from '../../support/source.ts';
import { unknownArgument, type Arguments } from '../arguments.ts';
import { graphOf, NotScalar, toOwnTensor } from '../expressions/tensors.ts';
import { resolved } from '../dims.ts';
import { reject, report, type Frame } from '../frame.ts';
import { asNumber, describe, hasUnknown, tensor, unknown, type GivenArgument, type Value } from '../values.ts';

/** A built-in function. */
export interface Primitive {
  readonly name: string;
  /** Parameter names; a trailing `?` marks an optional one. */
  readonly params: readonly string[];
  readonly doc: string;
  /** True where it maps elements, so that it may be used in a tabulation. */
  readonly elementwise?: boolean;
  /** True where it draws random numbers: one per element in a tabulation. */
  readonly random?: boolean;
  readonly run: (call: PrimitiveCall) => Value;
}

/** The arguments of a call of a primitive, and the conversions that it needs. */
export class PrimitiveCall {
  constructor(
    readonly frame: Frame,
    readonly name: string,
    readonly args: ReadonlyMap<string, GivenArgument>,
    readonly span: Span,
  ) {}

  get builder(): Builder {
    return graphOf(this.frame).builder;
  }

  has(name: string): boolean {
    const given = this.args.get(name);
    return given !== undefined && given.value.kind !== 'none';
  }

  value(name: string): Value {
    return this.args.get(name)?.value ?? { kind: 'none' };
  }

  spanOf(name: string): Span {
    return this.args.get(name)?.span ?? this.span;
  }

  /** The argument as a tensor; a number becomes `dtype`. */
  tensor(name: string, dtype?: DType): GraphValue {
    return toOwnTensor(this.frame, this.value(name), dtype, this.spanOf(name));
  }

  /** The argument as a tensor of floats. */
  float(name: string): GraphValue {
    const x = this.tensor(name, 'f32');
    if (x.type.dtype !== 'f32' && x.type.dtype !== 'f16')
      this.wrong(name, 'a tensor of floats', { helps: [{ text: 'cast it: `f32(x)`' }] });
    return x;
  }

  dim(name: string): Dim {
    const value = this.value(name);
    if (value.kind !== 'int') return this.wrong(name, 'an int');
    return resolved(this.frame, value.dim);
  }

  /** An int that something is divided by: not 0. */
  divisor(name: string): Dim {
    const d = this.dim(name);
    return asConstant(d) === 0 ? this.wrong(name, 'an int other than 0') : d;
  }

  /** A static int, or the default. */
  int(name: string, otherwise?: number): number {
    if (!this.has(name) && otherwise !== undefined) return otherwise;
    const value = this.value(name);
    const n = value.kind === 'int' ? asNumber({ ...value, dim: resolved(this.frame, value.dim) }) : undefined;
    if (n !== undefined) return n;
    return value.kind === 'int'
      ? reject(this.frame, messages.E0404(this.spanOf(name), { what: `\`${name}\` of \`${this.name}\`` }))
      : this.wrong(name, 'an int');
  }

  real(name: string, otherwise?: number): number {
    if (!this.has(name) && otherwise !== undefined) return otherwise;
    return asNumber(this.value(name)) ?? this.wrong(name, 'a number known at compile time');
  }

  bool(name: string, otherwise: boolean): boolean {
    if (!this.has(name)) return otherwise;
    const value = this.value(name);
    return value.kind === 'bool' ? value.value : this.wrong(name, 'true or false');
  }

  /** A list or tuple of ints as a shape. */
  shape(name: string): readonly Dim[] {
    const value = this.value(name);
    const items = value.kind === 'list' || value.kind === 'tuple' ? value.items : [value];
    return items.map((item) =>
      item.kind === 'int' ? resolved(this.frame, item.dim) : this.wrong(name, 'a list of ints'),
    );
  }

  items(name: string): readonly Value[] {
    const value = this.value(name);
    return value.kind === 'list' || value.kind === 'tuple' ? value.items : this.wrong(name, 'a list');
  }

  /** One axis of a tensor of rank `rank`; negative ones count from the end. */
  axis(name: string, x: GraphValue, otherwise?: number): number {
    return this.checkAxis(this.int(name, otherwise), x, name);
  }

  checkAxis(axis: number, x: GraphValue, name: string): number {
    const rank = x.type.shape.length;
    const at = axis < 0 ? axis + rank : axis;
    if (at >= 0 && at < rank) return at;
    return reject(this.frame, messages.E0313(this.spanOf(name), { axis, shape: describe(tensor(x)) }));
  }

  wrong(name: string, expected: string, details = {}): never {
    const value = this.value(name);
    const isStatic = !expected.includes('tensor') && value.kind === 'tensor' && value.value.type.shape.length === 0;
    if (isStatic) reject(this.frame, messages.E0404(this.spanOf(name), { what: `\`${name}\` of \`${this.name}\`` }));
    reject(
      this.frame,
      messages.E0402(
        this.spanOf(name),
        { what: `\`${name}\` of \`${this.name}\``, expected, got: describe(value) },
        details,
      ),
    );
  }

  /** A tensor result that keeps the derivation of an argument. */
  result(value: GraphValue, from?: string): Value {
    const source = from === undefined ? undefined : this.value(from);
    return tensor(value, source?.kind === 'tensor' ? source.derivation : undefined);
  }
}

/** Matches arguments and runs a primitive. */
export function callPrimitive(
  frame: Frame,
  primitive: Primitive,
  args: Arguments,
  span: Span,
  at: { readonly span: Span },
): Value {
  const names = primitive.params.map((p) => p.replace('?', ''));
  const callee = { name: primitive.name, what: 'function', span: at.span, text: primitive.name };
  const notes = [`${primitive.name}(${primitive.params.join(', ')})`];
  const given = new Map<string, GivenArgument>();
  args.positional.forEach((arg, i) => {
    const name = names[i];
    if (name !== undefined) given.set(name, arg);
    else
      reject(
        frame,
        messages.E0206(
          arg.span,
          {
            what: 'function',
            callee: primitive.name,
            expected: `${names.length} argument${names.length === 1 ? '' : 's'}`,
            got: args.positional.length,
          },
          { notes },
        ),
      );
  });
  let failed = false;
  for (const [name, arg] of args.named) {
    if (names.includes(name) && !given.has(name)) given.set(name, arg);
    else {
      failed = true;
      report(
        frame,
        names.includes(name)
          ? messages.E0210(arg.nameSpan, { argument: name })
          : unknownArgument(name, arg.nameSpan, names, callee, notes),
      );
    }
  }
  for (const param of primitive.params) {
    if (param.endsWith('?') || given.has(param)) continue;
    failed = true;
    report(frame, messages.E0205(span, { what: 'function', callee: primitive.name, argument: param }, { notes }));
  }
  if (failed || [...given.values()].some((arg) => hasUnknown(arg.value))) return unknown;
  return primitive.run(new PrimitiveCall(callFrame(frame, primitive, given), primitive.name, given, span));
}

// In a tabulation, whole tensors are used as anywhere; elements only by functions of scalars.
function callFrame(frame: Frame, primitive: Primitive, given: ReadonlyMap<string, GivenArgument>): Frame {
  const { tabulating, ...whole } = frame;
  if (!tabulating) return frame;
  const isElement = ({ value }: GivenArgument): boolean => value.kind === 'tensor' && tabulating.owns(value.value);
  if (![...given.values()].some(isElement)) return primitive.random ? frame : whole;
  if (primitive.elementwise) return frame;
  throw new NotScalar();
}
