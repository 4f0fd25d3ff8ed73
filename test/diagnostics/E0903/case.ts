// A file of functions is checked, but makes no module.
import { compile } from '../../../src/index.ts';

const text = 'export fn twice(x: [n]) -> [n] = 2.0 * x\n';

export default async () => {
  const read = (path: string): string | undefined => (path === 'twice.dlm' ? text : undefined);
  return (await compile({ read, resolve: (_from, path) => path }, 'twice.dlm')).diagnostics;
};
