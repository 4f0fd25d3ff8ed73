// Recognises products one of whose operands slides: along one or two axes of an image, an axis of the result and a
// reduced axis read the position a·own + b·depth. Where the result has the positions, that is a convolution and its
// gradient by the image; where the reduced axes have them, its gradient by the weights. Neighbouring positions read the
// same elements, so the image is laid out once and every tap reads it shifted.
import { asConstant, product } from '../../../ir/dim.ts';
import { walkExprs } from '../../../ir/expr-rewrite.ts';
import type { Expr } from '../../../ir/expr.ts';
import type { Axis } from '../../../ir/nest.ts';
import { dimsIn } from '../expr-dims.ts';
import { linearIn } from '../linear.ts';
import type { Contraction, Parts } from './contraction.ts';

/** Positions ownStep·own + depthStep·depth along an axis of an image; one of the steps is 1. */
export interface Window {
  readonly own: Axis;
  readonly depth: Axis;
  readonly ownExtent: number;
  readonly depthExtent: number;
  readonly ownStep: number;
  readonly depthStep: number;
}

/** A product whose right operand slides. */
export interface Convolution {
  readonly parts: Parts;
  /** What the columns are: positions in the image, or taps. */
  readonly columns: 'positions' | 'taps';
  /** Along the rows of the image, where it slides there, and along its columns. */
  readonly down: Window | undefined;
  readonly along: Window;
  /** The axis of channels that is summed with the taps, or that the taps are columns with. */
  readonly channels: Axis | undefined;
  readonly channelCount: number;
  /** Axes of separate images. */
  readonly images: readonly Axis[];
}

/** Width of the register tile. */
export const panelWidth = 8;

/** The convolution that a product is. */
export function asConvolution({ parts }: Contraction): Convolution | undefined {
  if (!isPlain(parts.right)) return undefined;
  const windows = windowsOf(parts);
  const along = windows.at(-1);
  if (!along || windows.length > 2) return undefined;
  const down = windows.length === 2 ? windows[0] : undefined;
  const isImage = windows.every(({ ownExtent, depthExtent }) => ownExtent >= depthExtent);
  const areTaps = windows.every(({ ownExtent, depthExtent }) => ownExtent < depthExtent);
  return isImage ? ofPositions(parts, down, along) : areTaps ? ofTaps(parts, down, along) : undefined;
}

/** Whether an operand is constant borders around something without borders. */
function isPlain(expr: Expr): boolean {
  const inside = expr.kind === 'guard' ? expr.then : expr;
  if (expr.kind === 'guard' && (expr.otherwise.kind !== 'const' || expr.conditions.some(({ kind }) => kind !== '>=0')))
    return false;
  let guards = 0;
  walkExprs([inside], (e) => {
    if (e.kind === 'guard') guards++;
  });
  return guards === 0;
}

// Each axis of the columns with the reduced axis that it slides with, in order of the columns.
function windowsOf({ columns, depth, right }: Parts): Window[] {
  const dims = dimsIn(right);
  const pairs = columns.flatMap((own) => depth.flatMap((tap) => windowOf(own, tap, dims) ?? []));
  pairs.sort((a, b) => a.ownStep + a.depthStep - b.ownStep - b.depthStep);
  const taken = new Set<Axis>();
  const chosen = pairs.filter(({ own, depth: tap }) => {
    if (taken.has(own) || taken.has(tap)) return false;
    taken.add(own).add(tap);
    return true;
  });
  return chosen.sort((a, b) => columns.indexOf(a.own) - columns.indexOf(b.own));
}

type Dims = ReturnType<typeof dimsIn>;

function windowOf(own: Axis, depth: Axis, dims: Dims): Window | undefined {
  const [ownExtent, depthExtent] = [asConstant(own.extent), asConstant(depth.extent)];
  if (ownExtent === undefined || depthExtent === undefined) return undefined;
  let steps: readonly [number, number] | undefined;
  for (const d of dims) {
    const [p, q] = [own, depth].map(({ name }) => linearIn(d, name)?.coefficient).map((c) => c && asConstant(c));
    if (p === undefined || q === undefined) return undefined;
    if (p === 0 && q === 0) continue;
    steps ??= [Math.abs(p) / gcd(p, q), Math.abs(q) / gcd(p, q)];
    if (p * q <= 0 || p * steps[1] !== q * steps[0]) return undefined;
  }
  if (!steps) return undefined;
  const [ownStep, depthStep] = steps;
  const overlaps = ownStep < depthStep * depthExtent && depthStep < ownStep * ownExtent;
  if (!overlaps || Math.min(ownStep, depthStep) !== 1) return undefined;
  return { own, depth, ownExtent, depthExtent, ownStep, depthStep };
}

const gcd = (a: number, b: number): number => (b === 0 ? Math.abs(a) : gcd(b, a % b));

// Columns are images × rows × columns of the image; summed are channels and taps.
function ofPositions(parts: Parts, down: Window | undefined, along: Window): Convolution | undefined {
  const positions = down ? [down.own, along.own] : [along.own];
  const images = parts.columns.slice(0, -positions.length);
  const channels = parts.depth.filter((axis) => axis !== down?.depth && axis !== along.depth);
  if (!endsIn(parts.columns, positions)) return undefined;
  return withChannels({ parts, columns: 'positions', down, along, images }, channels);
}

// Columns are channels and taps; summed are images × rows × columns of the image.
function ofTaps(parts: Parts, down: Window | undefined, along: Window): Convolution | undefined {
  const positions = down ? [down.depth, along.depth] : [along.depth];
  const images = parts.depth.slice(0, -positions.length);
  const channels = parts.columns.filter((axis) => axis !== down?.own && axis !== along.own);
  if (!endsIn(parts.depth, positions)) return undefined;
  return withChannels({ parts, columns: 'taps', down, along, images }, channels);
}

const endsIn = (axes: readonly Axis[], last: readonly Axis[]): boolean =>
  last.every((axis, at) => axes[axes.length - last.length + at] === axis);

function withChannels(
  rest: Omit<Convolution, 'channels' | 'channelCount'>,
  channels: readonly Axis[],
): Convolution | undefined {
  const [only] = channels;
  const channelCount = only ? asConstant(only.extent) : 1;
  return channels.length > 1 || channelCount === undefined ? undefined : { ...rest, channels: only, channelCount };
}

/**
 * Whether it pays to lay out images instead of patches: the share of columns that are computed for nothing, against the
 * time that copying every patch takes, about that of 13 rows of the product where patches lie along the columns, and of
 * 33 where they must be turned.
 */
export function paysToShift({ parts, columns, along, channelCount }: Convolution): boolean {
  const rows = parts.rows.reduce((size, { extent }) => size * (asConstant(extent) ?? 64), 1);
  const wasted = (size: number): number => (Math.ceil(size / panelWidth) * panelWidth) / size - 1;
  return columns === 'positions'
    ? along.depthStep <= along.ownExtent && wasted(along.ownExtent) < 13 / rows + 0.01
    : wasted(channelCount) < 33 / rows + 0.01;
}

/** The largest divisor of `of` up to `most`. */
function largestDivisor(of: number, most: number): number {
  let divisor = most;
  while (of % divisor !== 0) divisor--;
  return divisor;
}

/** Positions that `own` neighbours along a window's own axis and `depth` along its reduced one read together. */
export const reach = (window: Window | undefined, own: number, depth: number): number =>
  window ? window.ownStep * (own - 1) + window.depthStep * (depth - 1) + 1 : 1;

/** How many images, and rows of them, are handled together where `most` rows fit: whole images, or equal parts of one. */
export function rowsTogether(images: readonly Axis[], height: number, most: number): { images: number; rows: number } {
  const several = asConstant(product(images.map(({ extent }) => extent))) ?? Infinity;
  const whole = Math.min(Math.floor(most / height), several);
  if (whole > 1) return { images: whole, rows: whole * height };
  return { images: 1, rows: largestDivisor(height, Math.max(1, Math.min(most, height))) };
}
