// `dlm run` of an entry point with caches, for which one of two sizes is given.
import { sessionFor } from '../../../src/cli/entry-session.ts';
import { chooseEntry } from '../../../src/cli/entry.ts';
import { Failure } from '../../../src/cli/failure.ts';
import { check, type Diagnostic } from '../../../src/index.ts';

const program = `export model Echo() {
  cache past: [b, cap, 2]
  export fn extend(x: [b, t, 2], pos: i32[]) -> [b, cap, 2] {
    update past = put(past, x, at=pos, axis=1)
    past
  }
}
`;

export default function session(): readonly Diagnostic[] {
  const files = { read: () => program, resolve: () => '' };
  const { module, diagnostics } = check(files, 'echo.dlm');
  if (!module) return diagnostics;
  try {
    sessionFor(chooseEntry(module, 'echo.dlm', undefined), { b: 1 });
    return [];
  } catch (error) {
    return error instanceof Failure ? error.diagnostics : [];
  }
}
