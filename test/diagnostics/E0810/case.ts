// A folder that is a file.
import { Failure } from '../../../src/cli/failure.ts';
import { writeFiles } from '../../../src/cli/write-file.ts';
import type { Diagnostic } from '../../../src/index.ts';

export default function unwritable(): readonly Diagnostic[] {
  try {
    writeFiles({ 'package.json/weights.safetensors': '' });
    return [];
  } catch (error) {
    return error instanceof Failure ? error.diagnostics : [];
  }
}
