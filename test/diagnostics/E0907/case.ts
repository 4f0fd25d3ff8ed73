// Sizes that dims cannot have.
import { check } from '../../../src/index.ts';
import type { Diagnostic } from '../../../src/support/diagnostic.ts';

const text = `export model Scale() {
  param w: [4] = ones()
  export fn forward(x: [n, 4]) -> [n, 4] requires n % 2 == 0 = x * w
}
`;

/** What the checker says. */
export default function diagnose(): readonly Diagnostic[] {
  const files = { read: (path: string) => (path === 'scale.dlm' ? text : undefined), resolve: (_from: string, to: string) => to };
  return [{ m: 4 }, { n: 7 }].flatMap((dims) => check(files, 'scale.dlm', { dims }).diagnostics);
}
