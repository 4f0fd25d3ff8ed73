// Calls that give intermediate values: `{ trace: ['fc1'] }` makes the result `{ result, trace: { fc1 } }`. Only modules
// that were compiled for it carry this.
import { arrange } from './entries.ts';
import { DlmError } from './error.ts';
import type { Returns } from './program.ts';
import type { Tensor } from './tensor.ts';

/** Arranges results and disposes of those that were not asked for. */
export type Arrange = (returns: Returns, results: readonly Tensor[]) => unknown;

/** How to arrange the results of a traced call. @throws DlmError E9109 for a path that the entry does not have */
export function arrangeTraced(entry: string, returns: Returns, wanted: unknown): Arrange {
  const { result = [], trace = {} } = returns as Readonly<Record<string, Returns>>;
  const all = trace as Readonly<Record<string, number>>;
  const paths = Array.isArray(wanted) ? wanted.map(String) : Object.keys(all);
  for (const path of paths)
    if (!(path in all)) {
      const known = Object.keys(all).join(', ');
      throw new DlmError('E9109', `${entry}: there is no value \`${path}\` to trace, only ${known}`, { entry, path });
    }
  return (_, results) => {
    const chosen = Object.fromEntries(paths.map((path) => [path, all[path] ?? 0]));
    for (const [path, at] of Object.entries(all)) if (!(path in chosen)) results[at]?.dispose();
    return arrange({ result, trace: chosen }, results);
  };
}
