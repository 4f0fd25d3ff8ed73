// A model or train gives its name to types of the module that is made of it. Names that stand for something else there,
// or that TypeScript keeps for itself, would make declarations that do not compile: they are E0906.
import { messages } from '../support/messages.gen.ts';
import type { Identifier } from '../parser/ast.ts';
import type { Session } from './frame.ts';

const words = (text: string): readonly string[] => text.split(' ');

/** Names of types that the declarations of every module define or use. */
export const typesOfModules: ReadonlySet<string> = new Set([
  ...words('ElementType Data Sizes Tensor Nested Input Device RunOptions KeyMap WeightsSource FitOptions LoadOptions'),
  ...words('Weights Stream Batches TrainRunOptions TrainEvent DlmError TensorInfo FunctionInfo EntryInfo Profile'),
  ...words('AbortSignal Array ArrayBuffer AsyncDisposable AsyncIterable Blob Disposable Error Exclude Float32Array'),
  ...words('GPUDevice Int32Array Iterable NoInfer Promise Readonly Record URL Uint32Array Uint8Array'),
]);

const reserved: ReadonlySet<string> = new Set([
  ...words('any await bigint boolean break case catch class continue debugger default delete do enum extends finally'),
  ...words('function implements instanceof interface never new null number object package private protected public'),
  ...words('return static string super switch symbol this throw try typeof undefined unknown var void yield'),
]);

/** Refuses models and trains of the root file whose types the module could not declare. */
export function checkModuleNames(session: Session, models: readonly Identifier[], trains: readonly Identifier[]): void {
  const made = new Map<string, string>();
  for (const { name } of models) for (const part of ['Params', 'Session']) made.set(`${name}${part}`, name);
  for (const { name } of trains) for (const part of ['Batch', 'Measures']) made.set(`${name}${part}`, name);
  for (const { name, span } of [...models, ...trains]) {
    const owner = made.get(name);
    const reason = reserved.has(name)
      ? 'no type of TypeScript can have this name'
      : typesOfModules.has(name)
        ? `the types of its module have a \`${name}\` already`
        : owner && `the types of \`${owner}\` have this name`;
    if (reason !== undefined)
      session.report(messages.E0906(span, { name, reason }, { helps: [{ text: 'give it another name' }] }));
  }
}
