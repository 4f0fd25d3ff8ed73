// Entry points that keep caches run in a session of their own, which needs sizes for the caches: `--dim b=1,cap=64`.
import { messages, variables } from '../index.ts';
import type { Entry } from './entry.ts';
import { Failure, UsageError } from './failure.ts';

/** The dims of the session that the entry point needs; undefined where it needs none. @throws Failure E0905 */
export function sessionFor(
  entry: Entry,
  given: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> | undefined {
  const caching = entry.variants.some(({ fn }) => fn.inputs.some(({ role }) => role === 'cache'));
  const names = caching ? sessionDims(entry) : [];
  const foreign = Object.keys(given).find((name) => !names.includes(name));
  if (foreign !== undefined)
    throw new UsageError(
      `--dim ${foreign}=…: ${names.length === 0 ? `${entry.name} needs no session` : `a session of ${entry.model.name} has ${names.join(', ')}`}`,
    );
  const missing = names.filter((name) => !(name in given));
  if (missing.length > 0) throw needsSession(entry, names, missing);
  return caching ? given : undefined;
}

function sessionDims({ model }: Entry): readonly string[] {
  const caches = model.parameters.filter(({ role }) => role === 'cache');
  return [...new Set(caches.flatMap(({ type }) => type.shape.flatMap((dim) => [...variables(dim)])))];
}

function needsSession({ model, name }: Entry, names: readonly string[], missing: readonly string[]): Failure {
  const list = missing.map((each) => `\`${each}\``).join(', ');
  return new Failure(
    messages.E0905(
      null,
      { entry: `${model.name}.${name}`, dims: list },
      {
        notes: [
          `from JavaScript: \`const session = await net.session({ ${names.join(', ')} })\`, then \`session.${name}(…)\``,
        ],
        helps: [{ text: `give the sizes of a fresh session: \`--dim ${names.map((each) => `${each}=…`).join(',')}\`` }],
      },
    ),
  );
}
