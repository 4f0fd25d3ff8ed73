// Donation: which updates can be written over the old value. An update may share its input's memory
// when the nest that writes it is the last to read the old value, and reads it only at the element
// that it writes. Everything else gets a copy at the end of the function.
import type { Nest, NestFunction, NestStep } from '../../ir/nest.ts';
import { loadsOf, readsOf, storesOf, writesOf } from '../fusion/nest-graph.ts';

/** Copy the contents of one buffer to the memory of another. */
export interface Copy {
  readonly from: string;
  readonly to: string;
}

/** What becomes of the results of a function. */
export interface Donation {
  /** New buffer -> buffer of the input whose memory it takes. */
  readonly inPlace: ReadonlyMap<string, string>;
  /** Copies after the last step, in order. */
  readonly copies: readonly Copy[];
  /** Buffers that a copy makes: id -> the buffer whose type it has. */
  readonly freshBuffers: ReadonlyMap<string, string>;
}

function note(uses: Map<string, number[]>, buffer: string, at: number): void {
  const found = uses.get(buffer);
  if (found) found.push(at);
  else uses.set(buffer, [at]);
}

/** Positions of the steps that read and write each buffer. */
interface Uses {
  readonly readers: ReadonlyMap<string, readonly number[]>;
  readonly writers: ReadonlyMap<string, readonly number[]>;
}

function usesIn(body: readonly NestStep[]): Uses {
  const readers = new Map<string, number[]>();
  const writers = new Map<string, number[]>();
  body.forEach((step, at) => {
    for (const buffer of readsOf(step)) note(readers, buffer, at);
    for (const buffer of writesOf(step)) note(writers, buffer, at);
  });
  return { readers, writers };
}

/** True when the nest reads `old` only at the element of `fresh` that it stores at that point. */
function readsOwnElement(nest: Nest, old: string, fresh: string): boolean {
  const [store, ...more] = storesOf(nest).filter((stage) => stage.buffer === fresh);
  if (!store || more.length > 0 || store.combine !== 'set') return false;
  const position = store.indices.map((index) => ('kind' in index ? '?' : index.key)).join();
  return nest.stages.every((stage) => {
    const loads = loadsOf({ ...nest, stages: [stage] }).filter((load) => load.buffer === old);
    if (loads.length > 0 && stage.kind === 'reduce') return false;
    return loads.every((load) => load.indices.map((index) => ('kind' in index ? '!' : index.key)).join() === position);
  });
}

/** Plans the memory of the results of `fn`. */
export function planDonation(fn: NestFunction): Donation {
  const inputBuffer = new Map(fn.inputs.map((input) => [input.name, input.buffer]));
  const inputs = new Set(inputBuffer.values());
  // Inputs that a result hands on unchanged are read at the very end: nothing may overwrite them.
  const handedOn = new Set(fn.results.map(({ buffer }) => buffer).filter((buffer) => inputs.has(buffer)));
  const updates = updatesOf(fn, inputBuffer);
  const uses = usesIn(fn.body);
  const taken = new Set<string>();
  const inPlace = new Map<string, string>();
  const copies: Copy[] = [];
  for (const { from, to } of updates) {
    const free = !inputs.has(from) && !taken.has(from) && !handedOn.has(to);
    if (free && canShare(fn.body, uses, to, from)) inPlace.set(from, to);
    else copies.push({ from, to });
    taken.add(from);
  }
  const outputs = outputCopies(fn, inputs, taken);
  const staged = throughTemporaries(copies);
  return {
    inPlace,
    // Outputs come first: an update's copy may overwrite what an output still shows.
    copies: [...outputs, ...staged.copies],
    freshBuffers: new Map([...outputs, ...staged.temporaries].map(({ from, to }) => [to, from])),
  };
}

const updatesOf = (fn: NestFunction, inputBuffer: ReadonlyMap<string, string>): Copy[] =>
  fn.results.flatMap(({ name, role, buffer }) => {
    const to = role === 'update' ? inputBuffer.get(name) : undefined;
    return to === undefined || to === buffer ? [] : [{ from: buffer, to }];
  });

/** The buffer that shows output `name` when it needs memory of its own. */
export const freshOutput = (name: string): string => `out.${name}`;

// An output that is an input, an update or an earlier output needs memory of its own.
function outputCopies(fn: NestFunction, inputs: ReadonlySet<string>, taken: Set<string>): Copy[] {
  return fn.results
    .filter(({ role }) => role === 'output')
    .flatMap(({ name, buffer }) => {
      const shared = inputs.has(buffer) || taken.has(buffer);
      taken.add(buffer);
      return shared ? [{ from: buffer, to: freshOutput(name) }] : [];
    });
}

// A swap a↔b: what a copy reads and another copy writes goes through a temporary.
function throughTemporaries(copies: readonly Copy[]): { temporaries: Copy[]; copies: Copy[] } {
  const written = new Set(copies.map(({ to }) => to));
  const temporaries: Copy[] = [];
  const direct = copies.map(({ from, to }): Copy => {
    if (!written.has(from)) return { from, to };
    temporaries.push({ from, to: `old.${from}.${to}` });
    return { from: `old.${from}.${to}`, to };
  });
  return { temporaries, copies: [...temporaries, ...direct] };
}

function canShare(body: readonly NestStep[], { readers, writers }: Uses, old: string, fresh: string): boolean {
  const [writer = -1] = writers.get(fresh) ?? [];
  const step = body[writer];
  if (step?.kind !== 'nest') return false;
  const last = readers.get(old)?.at(-1) ?? -1;
  return last < writer || (last === writer && readsOwnElement(step, old, fresh));
}
