// What a compiled module says on WebAssembly (or a GPU): compiles a program, runs something that must fail, and gives
// the error as a diagnostic.
import { compile, createDiagnostic, renderTerminal, type CompileOptions, type Diagnostic } from '../../src/index.ts';
import { importModule } from '../runtime/load-module.ts';
import { requestTestDevice } from '../support/webgpu.ts';

/** Any function of a compiled module, or of what it returned. */
type Call = (...values: unknown[]) => Promise<Loaded>;

/** The functions of a compiled module, or of an object that one of them returned, that cases call. */
interface Loaded {
  readonly load: Call;
  readonly createFit: Call;
  readonly session: Call;
  readonly forward: Call;
  readonly predict: Call;
  readonly extend: Call;
  readonly dispose: Call;
}

/** Why a case cannot be shown on this machine. */
export type Missing = { readonly missing: string };

/** The diagnostics of what `use` throws. @throws Error where it throws nothing, or something else */
export async function failing(
  text: string,
  use: (module: Loaded) => Promise<unknown>,
  options: CompileOptions = {},
): Promise<readonly Diagnostic[]> {
  const read = (path: string): string | undefined => (path === 'model.dlm' ? text : undefined);
  const { js, diagnostics } = await compile({ read, resolve: (_from, path) => path }, 'model.dlm', { targets: ['wasm'], ...options });
  if (js === undefined) throw new Error(renderTerminal(diagnostics));
  const module = await importModule<Loaded>(js, 'model.dlm.mjs');
  try {
    await use(module);
  } catch (error) {
    return [diagnosticOf(error)];
  }
  throw new Error('nothing failed');
}

// The first line is the message; then come the rows of a table, and helps.
function diagnosticOf(error: unknown): Diagnostic {
  if (!(error instanceof Error) || error.name !== 'DlmError') throw error;
  const [head = '', ...rest] = error.message.split('\n');
  const [, code = '', message = ''] = /^(\w+) (.*)$/.exec(head) ?? [];
  const rows = rest.flatMap((line) => /^ *\| {2}(.*)$/.exec(line)?.[1] ?? []);
  const helps = rest.flatMap((line) => /^ *= help: (.*)$/.exec(line)?.[1] ?? []).map((help) => ({ text: help }));
  return createDiagnostic(code, 'error', message, null, { notes: rows.length > 0 ? [['what does not fit', ...rows].join('\n')] : [], helps });
}

/** Like {@link failing}, on a GPU, which is destroyed afterwards. */
export async function failingOnGpu(
  text: string,
  use: (module: Loaded, device: GPUDevice) => Promise<unknown>,
): Promise<readonly Diagnostic[] | Missing> {
  const found = await requestTestDevice();
  if ('missing' in found) return found;
  try {
    return await failing(text, (module) => use(module, found.device), { targets: ['webgpu'] });
  } finally {
    found.device.destroy();
  }
}

/** The bytes of a safetensors file of f32 zeros. */
export function zerosFile(shapes: Readonly<Record<string, readonly number[]>>): Uint8Array {
  let end = 0;
  const entries = Object.entries(shapes).map(([name, shape]) => {
    const begin = end;
    end += shape.reduce((size, extent) => size * extent, 4);
    return [name, { dtype: 'F32', shape, data_offsets: [begin, end] }] as const;
  });
  const header = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const bytes = new Uint8Array(8 + header.length + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(header, 8);
  return bytes;
}
