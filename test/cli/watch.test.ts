// `dlm compile --watch`: compiles again when the text of a file changes, of an imported one too, and outlives errors.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { changeOf, recorded } from '../../src/cli/watch.ts';
import { dlm, temporaryFolder } from './dlm.ts';

test('compiles until it is interrupted', async () => {
  const folder = temporaryFolder();
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  write('part.dlm', 'export const size = 2\n');
  const model = (body: string): string =>
    `import { size } from "./part.dlm"\nexport model M() {\n  export fn f(x: [size]) -> [size] = ${body}\n}\n`;
  write('m.dlm', model('x + x'));
  const seen: string[] = [];
  const edits = [
    () => write('m.dlm', model('x +')),
    () => write('m.dlm', model('x * 3')),
    () => write('part.dlm', 'export const size = 5\n'),
  ];
  const ran = await dlm(['compile', 'm.dlm', '--watch', '--json'], {
    cwd: folder,
    watch: (chunk, signal) => {
      for (const line of chunk.split('\n').filter((each) => each.startsWith('{'))) {
        seen.push((JSON.parse(line) as { event: string }).event);
        const edit = edits[seen.length - 1];
        if (edit) edit();
        else signal('SIGINT');
      }
    },
  });
  expect(seen).toEqual(['done', 'error', 'done', 'done']);
  expect(ran.code).not.toBe(70);
  expect(readFileSync(join(folder, 'm.dlm.d.ts'), 'utf8')).toContain("Input<'f32', [5]>");
});

test('only another text is a change, and only once it is whole', async () => {
  const texts: Record<string, string> = { a: '1' };
  const disk = { read: (path: string) => texts[path], resolve: (_: string, to: string) => to };
  const { reads, files } = recorded(disk);
  expect([files.read('a'), files.read('b')]).toEqual(['1', undefined]);
  let seen: string | undefined;
  const waiting = changeOf(reads, disk).then(() => (seen = texts['b']));
  texts['a'] = '1';
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(seen).toBeUndefined();
  for (const text of ['', 'now', 'now there']) {
    texts['b'] = text;
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  await waiting;
  expect(seen).toBe('now there');
});
