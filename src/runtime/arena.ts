// Packs buffers with live intervals into one block of memory, each into the tightest gap that is free for its whole
// interval. Offsets are multiples of 256, which WebGPU wants of binding ranges. All plans of a device share two
// blocks: temporaries, and arguments with results.
import type { Backend, BufferSpec, Memory, Named, PlanSpec } from './program.ts';

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

const roundUp = (bytes: number, multiple: number): number => Math.ceil(Math.max(bytes, 16) / multiple) * multiple;

/** Bytes of a buffer: vec4 accesses need whole groups of 16. */
export const padded = (bytes: number): number => roundUp(bytes, 16);

interface Wanted extends Omit<Placed, 'at' | 'end'> {
  readonly index: number;
  readonly bytes: number;
}

const mostTries = 8;

/**
 * Packs the buffers of `pool` as they come, then again with what lay highest before all others, until no bytes are lost
 * at the fullest moment or the tries are used up; gives what took least.
 */
export function packIntervals(buffers: readonly BufferSpec[], pool: 0 | 1): Packed {
  const wanted = buffers
    .flatMap((buffer, index): Wanted[] =>
      typeof buffer === 'string' || buffer[0] !== pool
        ? []
        : [{ index, bytes: roundUp(buffer[1], 256), first: buffer[2], last: buffer[3] }],
    )
    .sort((x, y) => x.first - y.first);
  const bytesAt = (moment: number): number =>
    wanted.reduce((sum, { bytes, first, last }) => sum + (first <= moment && moment <= last ? bytes : 0), 0);
  const fullest = Math.max(0, ...wanted.map(({ first }) => bytesAt(first)));
  let best = packInOrder(wanted, buffers.length);
  let latest = best;
  for (let tries = 1; tries < mostTries && best.bytes > fullest; tries++) {
    const top = wanted.findIndex(({ index, bytes }) => (latest.offsets[index] ?? 0) + bytes === latest.bytes);
    wanted.unshift(...wanted.splice(top, 1));
    latest = packInOrder(wanted, buffers.length);
    if (latest.bytes < best.bytes) best = latest;
  }
  return best;
}

function packInOrder(wanted: readonly Wanted[], length: number): Packed {
  const offsets: (number | undefined)[] = Array(length).fill(undefined);
  const placed: Placed[] = [];
  let total = 0;
  for (const { index, bytes, first, last } of wanted) {
    const busy = placed.filter((other) => other.first <= last && first <= other.last).sort((x, y) => x.at - y.at);
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

/** Where the buffers of plans lie on one device. */
export class Arena {
  readonly #blocks: (Memory | undefined)[] = [];
  /** How often a block moved, and the buffers of all plans with it. */
  moved = 0;

  constructor(readonly backend: Pick<Backend, 'allocate' | 'free'>) {}

  /** Makes room for a plan; what it gives says where its buffers lie now. */
  open({ buffers }: PlanSpec, named: Named): () => Memory[] {
    const packed = ([0, 1] as const).map((pool) => {
      const { offsets, bytes } = packIntervals(buffers, pool);
      const block = this.#blocks[pool];
      if (bytes <= (block?.bytes ?? 0)) return offsets;
      this.#blocks[pool] = undefined;
      if (block) this.backend.free(block);
      this.#blocks[pool] = this.backend.allocate(bytes);
      this.moved++;
      return offsets;
    });
    return () =>
      buffers.map((buffer, index) => {
        if (typeof buffer === 'string') return named(buffer);
        const [pool, bytes] = buffer;
        if (typeof pool === 'string') return named(pool, bytes);
        const block = this.#blocks[pool] ?? { at: 0, bytes };
        return { ...block, at: block.at + (packed[pool]?.[index] ?? 0), bytes: padded(bytes) };
      });
  }

  /** Gives the blocks back. */
  close(): void {
    for (const block of this.#blocks) if (block) this.backend.free(block);
  }
}
