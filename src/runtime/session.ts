// A session of a model: caches of its own, the entry points that use them, and a counter for their place in a text.
// The weights are the model's.
import { Caches } from './caches.ts';
import { entryMethods, functionsOf } from './entries.ts';
import { DlmError, need } from './error.ts';
import type { Model } from './model.ts';
import type { EntrySpec, ProgramSpec } from './program.ts';
import { Runner } from './runner.ts';
import { asyncDisposeSymbol, type Tensor } from './tensor.ts';
import { runKey } from './threefry.ts';

/** How `stream` goes from a result to the next. */
interface StreamOptions<Id> {
  readonly logits: unknown;
  readonly step: (id: Id) => unknown;
  readonly next: (logits: unknown) => Id | Promise<Id>;
  readonly until?: Id | ((id: Id) => boolean);
  readonly max?: number;
}

/** Whether an entry reads or writes caches, so that a session has it. */
export function usesCaches(program: ProgramSpec, entry: EntrySpec): boolean {
  return functionsOf(entry).some((name) => program.functions[name]?.caches !== undefined);
}

/** Opens a session. `given` holds its dims, and `seed`. @throws DlmError E9101, E0902 */
export function openSession(
  model: Model,
  program: ProgramSpec,
  given: Readonly<Record<string, number | undefined>> = {},
): object {
  const spec = need(model.spec.session, 'session');
  const sizes = Object.entries(given).flatMap(([name, size]) => (size === undefined ? [] : [[name, size] as const]));
  const { backend } = model.device;
  const caches = new Caches(backend, spec, new Map());
  caches.open(`${model.name}.session`, new Map(sizes));
  const runner = new Runner(program, backend, (path, bytes) => {
    return caches.has(path) ? caches.memory(path) : model.weights.store.memory(path, bytes);
  });
  let [calls, isOpen] = [0, true];
  const check = (entry: string): void => {
    model.check(entry);
    if (!isOpen) throw new DlmError('E9106', `${entry}: this session of ${model.name} was disposed`, { entry });
  };
  const nextKey = (): readonly [number, number] =>
    given['seed'] === undefined ? model.nextKey() : runKey(given['seed'], 3, ++calls);
  const dispose = (): void => {
    if (isOpen) runner.dispose();
    isOpen = false;
    caches.dispose();
    model.sessions.delete(dispose);
  };
  model.sessions.add(dispose);
  const entries = Object.entries(model.spec.entries).filter(([, entry]) => usesCaches(program, entry));
  return {
    ...entryMethods({ runner, caches, nextKey, check }, entries),
    dims: Object.fromEntries(caches.sizes),
    pos: 0,
    stream: streamIds,
    reset(this: { pos: number }): void {
      check('reset');
      caches.reset();
      this.pos = 0;
    },
    dispose,
    [asyncDisposeSymbol]: async () => dispose(),
  };
}

/** Ids until `until` or `max` of them. Results of `step` are disposed when `next` has read them. */
async function* streamIds<Id>({ logits, step, next, until, max = Infinity }: StreamOptions<Id>): AsyncGenerator<Id> {
  const isLast = typeof until === 'function' ? (until as (id: Id) => boolean) : (id: Id) => id === until;
  let current = logits;
  for (let count = 1; count <= max; count++) {
    let id: Id;
    try {
      id = await next(current);
    } finally {
      if (current !== logits) (current as Partial<Tensor>).dispose?.();
    }
    if (isLast(id)) return;
    yield id;
    if (count < max) current = await step(id);
  }
}
