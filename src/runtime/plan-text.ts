// Plans of many steps say where things are from where they stand, which compresses well: a buffer is the next that no
// step has named, or one of those named before it; an interval starts so many steps after the one before it.
import type { BufferSpec, PlanSpec, StepSpec } from './program.ts';

/** A plan with numbers counted from its start. */
export function readPlan({ buffers, steps = [], words = '', table = [], ...rest }: PlanSpec): PlanSpec {
  let first = 0;
  const [ofStep, ofWord] = [counter(), counter()];
  return {
    ...rest,
    words,
    buffers: buffers.map((buffer): BufferSpec => {
      if (typeof buffer === 'string') return buffer;
      const [pool, bytes, after = 0, length = 0] = buffer;
      if (typeof pool === 'string') return [pool, bytes];
      first += after;
      return [pool, bytes, first, first + length];
    }),
    steps: steps.map((step): StepSpec => {
      if (typeof step[0] !== 'number') return step;
      const [kernel, used, ...more] = step;
      return [kernel, used.map(ofStep), ...more];
    }),
    table: table.map((word, at) => ('aem'.includes(words[at] ?? '-') ? ofWord(word) : word)),
  };
}

// -1 is the buffer after the last one named so, -2 that one, -3 the one before it; others are numbers of buffers.
function counter(): (given: number) => number {
  let last = -1;
  return (given) => {
    if (given >= 0) return given;
    const at = last + 2 + given;
    last = Math.max(last, at);
    return at;
  };
}
