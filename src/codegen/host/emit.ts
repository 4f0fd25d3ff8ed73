// Emits what users import: one ES module without dependencies, and its declarations. The data is laid out by its own
// printer, the runtime was formatted when this package was built, so prettier formats only the exports and the types.
import { formatJs, formatTypes } from './format.ts';
import { parameterNames, text } from './js.ts';
import { printDeclarations } from './declarations.ts';
import { printProgram, type EmitInput, type Printers } from './program.ts';
import { profileTypes, supportTypes } from './support-types.ts';
import { runtimeChunks } from './runtime.gen.ts';

/** The text of `<name>.dlm.js` and `<name>.dlm.d.ts`. */
export interface EmittedModule {
  readonly js: string;
  readonly dts: string;
}

/** Prints a compiled program as a module. */
export async function emitModule(input: EmitInput, print: Printers): Promise<EmittedModule> {
  const program = printProgram(input, print);
  const { models, trains } = input.module;
  const needs = new Set([
    ...program.uses,
    'meta',
    ...(models.length > 0 ? ['model'] : []),
    ...(trains.length > 0 ? ['train'] : []),
  ]);
  const exports = await formatJs(printExports(input));
  const head = `// ${input.name}.dlm.js, compiled by dlm from ${input.sourceName}. Do not edit.\n`;
  const runtime = closure(needs).map(({ name, code }) => `// dlm runtime: ${name}\n${code.trim()}\n`);
  return {
    js: [head, exports, '// prettier-ignore', program.code, ...runtime.map((chunk) => `\n${chunk}`), metaExport(input)]
      .join('\n')
      .replace(/\n{3,}/g, '\n\n'),
    dts: `${await formatTypes(printDeclarations(input))}${supportTypes}${input.profile ? profileTypes : ''}`,
  };
}

// After everything that it reads.
function metaExport({ profile }: EmitInput): string {
  const program = 'describeProgram(program)';
  const value = profile ? `Object.assign(${program}, { kernels: describeKernels(program) })` : program;
  return `\n/** Entries, dims, constraints and parameters. */\nexport const meta = /* @__PURE__ */ ${value};\n`;
}

function printExports({ module }: EmitInput): string {
  const loads = module.models.map(
    ({ name }) =>
      `/** Loads ${name}. */\nexport const load${name} = (options) => openModel(program, ${text(name)}, options);\n`,
  );
  const [only] = module.models;
  const alias = module.models.length === 1 && only ? `export { load${only.name} as load };\n` : '';
  const trains = module.trains.map(({ name, models }) => {
    const nets = parameterNames(models.map((model) => model.name)).join(', ');
    return `/** Opens a session of ${name}. */\nexport const create${name} = (${nets}, options) => openTrain(program, ${text(name)}, [${nets}], options);\n`;
  });
  return [...loads, alias, ...trains, 'export { DlmError };\n'].join('\n');
}

/** The runtime files that are needed, each after those it uses. */
function closure(needs: Iterable<string>): (typeof runtimeChunks)[number][] {
  const byName = new Map(runtimeChunks.map((chunk) => [chunk.name, chunk]));
  const found = new Map<string, (typeof runtimeChunks)[number]>();
  const visit = (name: string, path: readonly string[]): void => {
    if (found.has(name) || path.includes(name)) return;
    const chunk = byName.get(name);
    if (!chunk) throw new RangeError(`no runtime file ${name}`);
    for (const used of chunk.imports) visit(used, [...path, name]);
    if (chunk.code.trim() !== '') found.set(name, chunk);
  };
  for (const name of needs) visit(name, []);
  return [...found.values()];
}
