// How convolutions and poolings say where their windows lie: per axis a number or one for all, padding as
// a number, a pair of numbers, or by name. "same": ⌈n / stride⌉ windows, the odd element of padding last;
// "causal": no window sees what comes after its last tap.
import { add, asConstant, ceilDiv, constant, floorDiv, max, min, mul, one, sub, zero, type Dim } from '../../ir/dim.ts';
import type { PrimitiveCall } from './primitive.ts';
import type { Value } from '../values.ts';

/** Elements before the first and after the last, along one axis. */
export interface Pads {
  readonly lo: Dim;
  readonly hi: Dim;
}

/** One axis along which windows slide, before its padding is known. */
export interface SlidingAxis {
  readonly extent: Dim;
  readonly taps: Dim;
  readonly stride: number;
  readonly dilation: number;
}

const itemsOf = (value: Value): readonly Value[] | undefined =>
  value.kind === 'tuple' || value.kind === 'list' ? value.items : undefined;

/** A dim per axis, from one int for all or a list of them. */
export function perAxisDims(call: PrimitiveCall, name: string, count: number, otherwise?: number): readonly Dim[] {
  const given = call.has(name) ? call.shape(name) : otherwise === undefined ? call.shape(name) : [constant(otherwise)];
  const [first] = given;
  if (first && given.length === 1) return Array.from({ length: count }, () => first);
  return given.length === count ? given : call.wrong(name, `an int or ${count} of them`);
}

/** A number per axis, from one int for all or a list of them. */
export const perAxisNumbers = (
  call: PrimitiveCall,
  name: string,
  count: number,
  otherwise?: number,
): readonly number[] =>
  perAxisDims(call, name, count, otherwise).map(
    (d) => asConstant(d) ?? call.wrong(name, 'an int known at compile time'),
  );

/** Extent of a window from its first tap to its last. */
export const spanOf = ({ taps, dilation }: SlidingAxis): Dim => mul(sub(taps, 1), dilation);

/** The padding of every axis. */
export function padsOf(call: PrimitiveCall, axes: readonly SlidingAxis[], name = 'padding'): readonly Pads[] {
  const value = call.value(name);
  const items = itemsOf(value);
  if (items && items.length !== axes.length) call.wrong(name, `padding for ${axes.length} axes`);
  return axes.map((axis, at) => padOf(call, axis, items?.[at] ?? value, name));
}

function padOf(call: PrimitiveCall, axis: SlidingAxis, value: Value, name: string): Pads {
  if (value.kind === 'none') return { lo: zero, hi: zero };
  if (value.kind === 'int') return { lo: value.dim, hi: value.dim };
  if (value.kind === 'str')
    return namedPad(axis, value.value) ?? call.wrong(name, 'a number, "valid", "same" or "causal"');
  const [lo, hi] = itemsOf(value) ?? [];
  return lo?.kind === 'int' && hi?.kind === 'int' ? { lo: lo.dim, hi: hi.dim } : call.wrong(name, 'a number or a pair');
}

function namedPad(axis: SlidingAxis, name: string): Pads | undefined {
  if (name === 'valid') return { lo: zero, hi: zero };
  if (name === 'causal') return { lo: spanOf(axis), hi: zero };
  if (name !== 'same') return undefined;
  // Elements that ⌈n / s⌉ windows need beyond the n that there are; negative where they skip the last ones.
  const windows = ceilDiv(axis.extent, axis.stride);
  const total =
    axis.stride === 1 ? spanOf(axis) : sub(add(mul(sub(windows, 1), axis.stride), add(spanOf(axis), 1)), axis.extent);
  const lo = max(zero, floorDiv(total, 2));
  return { lo, hi: sub(total, lo) };
}

/** The padding after the last element with which a last window that is cut off counts too (PyTorch's ceil_mode). */
export function ceilPads(axes: readonly SlidingAxis[], pads: readonly Pads[]): readonly Pads[] {
  return axes.map((axis, at) => {
    const { lo, hi } = pads[at] ?? { lo: zero, hi: zero };
    const room = sub(sub(add(add(axis.extent, lo), hi), spanOf(axis)), 1);
    const wanted = add(ceilDiv(room, axis.stride), 1);
    // A window must begin inside of the elements or the padding before them, as all do where stride and padding
    // after the last element are no larger than the window.
    const slack = asConstant(sub(add(hi, axis.stride), add(spanOf(axis), 1)));
    const last = floorDiv(sub(add(axis.extent, lo), 1), axis.stride);
    const count = slack !== undefined && slack <= 0 ? wanted : min(wanted, add(last, 1));
    const end = add(mul(sub(count, one), axis.stride), add(spanOf(axis), 1));
    return { lo, hi: sub(sub(end, axis.extent), lo) };
  });
}
