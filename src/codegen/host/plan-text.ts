// Plans of many steps as `readPlan` of the runtime reads them.

/** Names the buffers of a plan, in the order in which the runtime meets them. */
export interface BufferCounter {
  /** A buffer that is met once. */
  readonly once: (buffer: number) => string;
  /** A buffer that is met in every turn of a loop. */
  readonly often: (buffer: number) => string;
}

// Farther back a number is as short.
const farthest = 16;

/** A counter that says buffers from where it stands, or, where `isLong` is false, one that says their numbers. */
export function bufferCounter(isLong: boolean): BufferCounter {
  let last = -1;
  const often = String;
  const once = (buffer: number): string => {
    const given = buffer - last - 2;
    if (!isLong || given >= 0 || given < -farthest) return String(buffer);
    last = Math.max(last, buffer);
    return String(given);
  };
  return { once, often };
}
