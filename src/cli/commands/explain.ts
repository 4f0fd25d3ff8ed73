// `dlm explain CODE`: the page of a diagnostic.
import { explanations } from '../../index.ts';
import type { CommandContext } from '../command.ts';
import { UsageError } from '../failure.ts';

/** Prints what a code means; without a code, the list of all. */
export async function explain({ console, args }: CommandContext): Promise<number> {
  const pages: Readonly<Record<string, { readonly name: string; readonly message: string; readonly page: string }>> =
    explanations;
  const [given] = args;
  if (given === undefined) {
    const all = Object.entries(pages);
    if (console.json) console.event(Object.fromEntries(all.map(([code, { name }]) => [code, name])));
    else console.out(all.map(([code, { name }]) => `${code}  ${name}\n`).join(''));
    return 0;
  }
  const code = given.toUpperCase();
  const found = pages[code];
  if (!found) throw new UsageError(`there is no diagnostic ${given}; \`dlm explain\` lists all`);
  if (console.json) console.event({ code, ...found });
  else console.out(`${code} ${found.name}\n\n  ${found.message}\n\n${found.page}\n`);
  return 0;
}
