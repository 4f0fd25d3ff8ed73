// Packs buffers with live intervals into one block of memory: largest first, into the tightest gap that is free for
// the whole interval. Offsets are multiples of 256, which WebGPU wants of binding ranges.
import type { BufferSpec } from './program.ts';

/** Offset of every buffer of one pool (undefined for the others) and the bytes of the block. */
export interface Packed {
  readonly offsets: readonly (number | undefined)[];
  readonly bytes: number;
}

interface Placed {
  readonly at: number;
  readonly end: number;
  readonly first: number;
  readonly last: number;
}

const align = (bytes: number): number => Math.ceil(Math.max(bytes, 16) / 256) * 256;

/** Packs the buffers of `pool`. */
export function packIntervals(buffers: readonly BufferSpec[], pool: 0 | 1): Packed {
  const offsets: (number | undefined)[] = buffers.map(() => undefined);
  const wanted = buffers.flatMap((buffer, index) =>
    typeof buffer === 'string' || buffer[0] !== pool
      ? []
      : [{ index, bytes: align(buffer[1]), first: buffer[2], last: buffer[3] }],
  );
  const placed: Placed[] = [];
  let total = 0;
  for (const { index, bytes, first, last } of wanted.sort((a, b) => b.bytes - a.bytes || a.index - b.index)) {
    const busy = placed.filter((other) => other.first <= last && first <= other.last).sort((a, b) => a.at - b.at);
    const at = tightestGap(busy, bytes);
    placed.push({ at, end: at + bytes, first, last });
    offsets[index] = at;
    total = Math.max(total, at + bytes);
  }
  return { offsets, bytes: total };
}

function tightestGap(busy: readonly Placed[], bytes: number): number {
  let [best, slack, end] = [-1, Infinity, 0];
  for (const other of busy) {
    const gap = other.at - end;
    if (gap >= bytes && gap - bytes < slack) [best, slack] = [end, gap - bytes];
    end = Math.max(end, other.end);
  }
  return best < 0 ? end : best;
}
