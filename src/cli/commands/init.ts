// `dlm init`: a small program, data for it, and a host program, in a folder that has none of them yet.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { messages } from '../../index.ts';
import type { CommandContext } from '../command.ts';
import { Failure, UsageError } from '../failure.ts';
import { starterFiles } from '../starter-files.ts';
import { writeFiles } from '../write-file.ts';

/** Writes the files of a new project. @throws Failure E0810 where one of them exists */
export async function init({ args, console }: CommandContext): Promise<number> {
  const [folder = '.', ...more] = args;
  if (more.length > 0) throw new UsageError('name one folder');
  const files = Object.entries(starterFiles).map(([name, text]) => [join(folder, name), text] as const);
  const taken = files.find(([path]) => existsSync(path));
  if (taken) throw new Failure(messages.E0810(null, { file: taken[0], reason: 'it exists already' }));
  writeFiles(Object.fromEntries(files));
  const paths = files.map(([path]) => path.replaceAll('\\', '/'));
  if (console.json) console.event({ event: 'done', files: paths });
  for (const path of paths) console.note(path);
  const file = (name: string): string => join(folder, name).replaceAll('\\', '/');
  console.note(
    `next: dlm train ${file('model.dlm')} --data ${file('data.csv')} --map x=a,b --map y=label --save ${file('model.safetensors')}`,
  );
  return 0;
}
