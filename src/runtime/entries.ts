// Calls of entry points: arguments by position, then an options object.
import type { Caches } from './caches.ts';
import type { EntrySpec, Profile, Returns } from './program.ts';
import type { Runner } from './runner.ts';
import type { Tensor } from './tensor.ts';
import { keyScalars, runKey } from './threefry.ts';

interface EntryOptions {
  readonly seed?: number;
  readonly signal?: AbortSignal;
  readonly profile?: (profile: Profile) => void;
}

/** What entries run on: a model, or a session of it. */
export interface EntryHost {
  readonly runner: Runner;
  readonly caches?: Caches;
  /** The random key of the next call without a seed. */
  nextKey(): readonly [number, number];
  /** @throws DlmError E9106 after dispose */
  check(entry: string): void;
}

/** Names of the functions of an entry. */
export const functionsOf = ([fn, , , variants = []]: EntrySpec): string[] => [fn, ...variants.map(([, name]) => name)];

/** Names of the functions of all entries. */
export const entryFunctions = (entries: Readonly<Record<string, EntrySpec>>): string[] =>
  Object.values(entries).flatMap(functionsOf);

/** The methods that users call. */
export function entryMethods(
  host: EntryHost,
  entries: readonly (readonly [string, EntrySpec])[],
): Record<string, (...values: unknown[]) => Promise<unknown>> {
  const methods = entries.map(([name, spec]) => {
    return [name, (...values: unknown[]) => callEntry(host, name, spec, values)] as const;
  });
  return Object.fromEntries(methods);
}

async function callEntry(
  host: EntryHost,
  entry: string,
  spec: EntrySpec,
  values: readonly unknown[],
): Promise<unknown> {
  const { runner, caches } = host;
  const [base, result, names] = spec;
  const required = names ?? runner.spec(base).inputs.map(([name]) => name);
  const options = (values[required.length] ?? {}) as EntryOptions;
  options.signal?.throwIfAborted();
  host.check(entry);
  const chosen = names && runner.program.chooseCall?.(runner, entry, spec, values);
  const { fn = base, returns = result, given = values, counts } = chosen ?? {};
  const call = runner.call(fn, entry, given, { counts, caches });
  const key = options.seed === undefined ? host.nextKey() : runKey(options.seed, 3, 0);
  const scalars = keyScalars(key);
  const timed = options.profile && runner.program.runProfiled?.(runner, call, scalars, options.profile);
  const results = await (timed ?? runner.tensors(call, scalars));
  options.signal?.throwIfAborted();
  return (chosen?.arrange ?? arrange)(returns, results);
}

/** Results as an entry returns them. */
export function arrange(returns: Returns, results: readonly Tensor[]): unknown {
  if (typeof returns === 'number') return results[returns];
  if (Array.isArray(returns)) return returns.map((item: Returns) => arrange(item, results));
  return Object.fromEntries(Object.entries(returns).map(([name, item]) => [name, arrange(item, results)]));
}
