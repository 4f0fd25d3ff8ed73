// Windows that slide along axes: which element of the operand tap k of window y falls on.
//   position p = y · stride + k · dilation − lo;  element p / base, where base divides p and it exists
// Forward and transposed windows are the same thing: base and stride change places (adjointPads).
import {
  add,
  asConstant,
  ceilDiv,
  constant,
  divideExactly,
  floorDiv,
  mod,
  mul,
  negate,
  sub,
  zero,
  type Dim,
} from '../dim.ts';
import type { Facts } from '../dim-solver.ts';
import type { Condition } from '../expr.ts';
import type { Attrs } from '../graph.ts';
import { ShapeError } from '../op.ts';
import { dimsOf, numbersOf } from './attributes.ts';
import { requireLessEqual } from './shapes.ts';
import { sizeOf } from './tensor.ts';

/** What the ops over windows say about their shared attributes. */
export const windowAttrs = {
  stride: 'distance from one window to the next, per axis',
  dilation: 'distance from one tap of a window to the next, per axis',
  base: 'distance from one element of the operand to the next, per axis (1: no holes)',
  lo: 'positions before the first element, per axis; a negative number cuts elements off',
  hi: 'positions after the last element, per axis; a negative number cuts elements off',
} as const;

/** The attributes of the pooling ops. */
export const poolingAttrs = {
  window: 'taps of the window, for each of the last axes; the axes before them stay',
  ...windowAttrs,
} as const;

/** One axis along which a window slides. */
export interface WindowAxis {
  readonly extent: Dim;
  readonly taps: Dim;
  readonly stride: number;
  readonly dilation: number;
  readonly base: number;
  readonly lo: Dim;
  readonly hi: Dim;
}

/** Axes of these extents, under windows of so many taps. @throws ShapeError for attributes that do not fit */
export function windowAxes(extents: readonly Dim[], taps: readonly Dim[], attrs: Attrs): WindowAxis[] {
  const steps = (['stride', 'dilation', 'base'] as const).map((name) => numbersOf(attrs, name));
  const pads = (['lo', 'hi'] as const).map((name) => dimsOf(attrs, name));
  if ([...steps, ...pads, taps].some((list) => list.length !== extents.length))
    throw new ShapeError('attribute', `a window over ${extents.length} axes needs as many entries in every attribute`);
  if (steps.flat().some((step) => step < 1 || !Number.isInteger(step)))
    throw new ShapeError('attribute', 'stride, dilation and base must be whole numbers ≥ 1');
  const [strides = [], dilations = [], bases = []] = steps;
  const [lows = [], highs = []] = pads;
  return extents.map((extent, axis) => ({
    extent,
    taps: taps[axis] ?? zero,
    stride: strides[axis] ?? 1,
    dilation: dilations[axis] ?? 1,
    base: bases[axis] ?? 1,
    lo: lows[axis] ?? zero,
    hi: highs[axis] ?? zero,
  }));
}

const span = ({ taps, dilation }: WindowAxis): Dim => mul(sub(taps, 1), dilation);
const reach = ({ extent, base }: WindowAxis): Dim => mul(sub(extent, 1), base);

/** The number of windows: ⌊(reach + lo + hi − span) / stride⌋ + 1. */
export const windowCount = (axis: WindowAxis): Dim =>
  add(floorDiv(sub(add(add(reach(axis), axis.lo), axis.hi), span(axis)), axis.stride), 1);

/** The numbers of windows. @throws ShapeError where a window is longer than its padded axis */
export function requireWindows(facts: Facts, axes: readonly WindowAxis[]): Dim[] {
  return axes.map((axis, at) => {
    const room = add(add(reach(axis), axis.lo), axis.hi);
    requireLessEqual(facts, span(axis), room, `the window along spatial axis ${at}, from its first tap to its last`);
    return windowCount(axis);
  });
}

/** The element at a position where elements lie `step` apart, and when there is one. */
function elementAt(position: Dim, step: number, extent: Dim): { index: Dim; conditions: Condition[] } {
  const conditions: Condition[] = [
    { kind: '>=0', lhs: position },
    { kind: '>=0', lhs: sub(mul(sub(extent, 1), step), position) },
  ];
  if (step !== 1) conditions.push({ kind: '==0', lhs: mod(position, step) });
  return { index: floorDiv(position, step), conditions };
}

const isAtMostZero = (d: Dim): boolean => (asConstant(d) ?? 1) <= 0;

/** The element under tap k of window y. Conditions that padding alone could break are left out without it. */
export function tapAt(axis: WindowAxis, y: Dim, k: Dim): { index: Dim; conditions: Condition[] } {
  const position = sub(add(mul(y, axis.stride), mul(k, axis.dilation)), axis.lo);
  const { index, conditions } = elementAt(position, axis.base, axis.extent);
  const [low, high, ...holes] = conditions;
  const first = low && !isAtMostZero(axis.lo) ? [low] : [];
  const last = high && !isAtMostZero(axis.hi) ? [high] : [];
  return { index, conditions: [...first, ...last, ...holes] };
}

/** One tap of one window: its element (where `conditions` hold) and its weight (where `inside` holds). */
export interface Tap {
  readonly y: Dim;
  readonly k: Dim;
  readonly index: Dim;
  readonly conditions: readonly Condition[];
  readonly inside: readonly Condition[];
}

/** How a nest walks one window axis: its axes, the taps it reduces, and what they stand for. */
export interface Walk {
  readonly axes: readonly Dim[];
  readonly taps: Dim;
  at(axes: readonly Dim[], tap: Dim): Tap;
}

/**
 * The walk of one axis. Between elements `base` apart most taps fall into holes, but windows of one phase
 * (y mod base) all hit the same taps. Where the windows come in whole groups of phases, the phase is an axis
 * of its own, and only the taps that it hits are visited: y = base · y′ + r, k = base · q + mod(lo − r, base).
 */
export function walkOf(axis: WindowAxis): Walk {
  const { taps, base, lo } = axis;
  const count = windowCount(axis);
  const groups = divideExactly(count, constant(base));
  if (base === 1 || axis.stride !== 1 || axis.dilation !== 1 || !groups)
    return { axes: [count], taps, at: ([y = zero], k) => ({ y, k, inside: [], ...tapAt(axis, y, k) }) };
  return {
    axes: [groups, constant(base)],
    taps: ceilDiv(taps, base),
    at([group = zero, phase = zero], q) {
      const first = mod(sub(lo, phase), base);
      const k = add(mul(q, base), first);
      const index = add(add(group, q), floorDiv(sub(add(phase, first), lo), base));
      const conditions: Condition[] = [
        { kind: '>=0', lhs: index },
        { kind: '>=0', lhs: sub(sub(axis.extent, 1), index) },
      ];
      const inside: Condition[] = divideExactly(taps, constant(base))
        ? []
        : [{ kind: '>=0', lhs: sub(sub(taps, 1), k) }];
      return { y: add(mul(group, base), phase), k, index, conditions, inside };
    },
  };
}

/** The windows that lie on one element: at most `windows` of them, and of each which it is and by which tap. */
export interface Cover {
  readonly windows: Dim;
  at(s: Dim, q: Dim): { readonly index: Dim; readonly tap: Dim; readonly conditions: readonly Condition[] };
}

/**
 * The windows over an element: y · stride + k · dilation = s · base + lo. Without dilation the taps that reach it are
 * k = mod(s · base + lo, stride) + stride · q, of window q before the last that starts there; windows that do not
 * overlap leave one. Conditions that always hold are left out where extents are numbers.
 */
export function coverOf(axis: WindowAxis): Cover {
  const { taps, stride, dilation, lo } = axis;
  const count = windowCount(axis);
  const position = (s: Dim): Dim => add(mul(s, axis.base), lo);
  if (dilation !== 1)
    return {
      windows: taps,
      at: (s, k) => ({ tap: k, ...elementAt(sub(position(s), mul(k, dilation)), stride, count) }),
    };
  const windows = ceilDiv(taps, stride);
  const startsInside = asConstant(windows) === 1 && isAtMostZero(negate(lo));
  const endsInside = isAtMostZero(sub(floorDiv(add(reach(axis), lo), stride), sub(count, 1)));
  return {
    windows,
    at(s, q) {
      const index = sub(floorDiv(position(s), stride), q);
      const tap = add(mod(position(s), stride), mul(q, stride));
      const conditions: Condition[] = [];
      if (!startsInside) conditions.push({ kind: '>=0', lhs: index });
      if (!endsInside) conditions.push({ kind: '>=0', lhs: sub(sub(count, 1), index) });
      if (!divideExactly(taps, constant(stride))) conditions.push({ kind: '>=0', lhs: sub(sub(taps, 1), tap) });
      return { index, tap, conditions };
    },
  };
}

/** Padding of the transposed windows, which slide over `counts` windows and give the operand's extents. */
export function adjointPads(axes: readonly WindowAxis[]): { lo: Dim[]; hi: Dim[] } {
  const lo = axes.map((axis) => sub(span(axis), axis.lo));
  const hi = axes.map((axis, at) => {
    const windows = mul(sub(windowCount(axis), 1), axis.stride);
    return add(sub(sub(reach(axis), windows), lo[at] ?? zero), span(axis));
  });
  return { lo, hi };
}

/** The index under tap k of window y in numbers, or undefined where there is no element. */
export function sourceOf(
  axes: readonly WindowAxis[],
  number: (d: Dim) => number,
  y: readonly number[],
  k: readonly number[],
): number[] | undefined {
  const index = axes.map((axis, at) => {
    const position = (y[at] ?? 0) * axis.stride + (k[at] ?? 0) * axis.dilation - number(axis.lo);
    return position / axis.base;
  });
  const exists = index.every((i, at) => Number.isInteger(i) && i >= 0 && i < number(axes[at]?.extent ?? zero));
  return exists ? index : undefined;
}

/** The window of a pooling op, which slides along the last axes, and the extents of the axes before them. */
export function pooledAxes(shape: readonly Dim[], attrs: Attrs): { lead: readonly Dim[]; axes: WindowAxis[] } {
  const window = dimsOf(attrs, 'window');
  const first = shape.length - window.length;
  if (first < 0)
    throw new ShapeError('rank', `a window over ${window.length} axes of a tensor of rank ${shape.length}`);
  return { lead: shape.slice(0, first), axes: windowAxes(shape.slice(first), window, attrs) };
}

/** Taps per axis of a row-major position in a window, in numbers. */
export const unravelTap = (position: number, window: readonly number[]): number[] =>
  window.map((taps, axis) => Math.floor(position / sizeOf(window.slice(axis + 1))) % taps);
