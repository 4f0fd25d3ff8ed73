// A setting of the command line that names no config.
import { check } from '../../../src/index.ts';
import type { Diagnostic } from '../../../src/support/diagnostic.ts';

const text = `export model Mlp(hidden: int = 8) {
  param w: [hidden] = ones()
  export fn forward(x: [b, hidden]) -> [b, hidden] = x * w
}
`;

/** What the checker says. */
export default function diagnose(): readonly Diagnostic[] {
  const files = { read: (path: string) => (path === 'mlp.dlm' ? text : undefined), resolve: (_from: string, to: string) => to };
  return check(files, 'mlp.dlm', { set: { 'Mlp.hiden': '16' } }).diagnostics;
}
