// The dumps of docs/tour.md: one program at each level of the compiler. A block below `<!-- dump: stage | part -->` is
// the part of that stage; test/docs/tour.test.ts keeps the page current (UPDATE=1 rewrites it).
import wabtModule from 'wabt';
import { printWgsl } from '../src/codegen/wgsl/print.ts';
import { encodeWasm } from '../src/codegen/wasm/module.ts';
import { check, emit, lowerModule, printStage, renderTerminal } from '../src/index.ts';
import type { TargetProgram } from '../src/ir/plan.ts';
import { shaderOn } from '../src/shader-text.ts';

/** Texts by stage: the name of a pass, `wgsl`, `wat` or `types`. */
export type Dumps = ReadonlyMap<string, string>;

/** Compiles a program and prints it at every level. @throws Error where it has diagnostics */
export async function dumpLevels(name: string, text: string): Promise<Dumps> {
  const read = (path: string): string | undefined => (path === name ? text : undefined);
  const { module, diagnostics } = check({ read, resolve: (_from, path) => path }, name);
  if (!module || diagnostics.length > 0) throw new Error(renderTerminal(diagnostics));
  const dumps = new Map<string, string>();
  const lowered = lowerModule(module, ['webgpu', 'wasm'], (pass, stage) => dumps.set(pass, printStage(stage)));
  for (const program of lowered.programs)
    if (program.target === 'gpu') dumps.set('wgsl', wgslOf(program));
    else dumps.set('wat', await watOf(program));
  dumps.set('types', (await emit(lowered, name)).dts);
  return dumps;
}

// Every kernel as it is given to the device; a comment names it.
function wgslOf({ kernels }: TargetProgram): string {
  const shaders = kernels.map((kernel) => {
    const access = kernel.buffers.map((buffer) => (buffer.access === 'read' ? 'read' : 'read_write'));
    return `// ${kernel.name}\n${shaderOn(printWgsl(kernel, access)).trimEnd()}\n`;
  });
  return shaders.join('\n');
}

// The binary as text: kernels in their order, then plans.
async function watOf(program: TargetProgram): Promise<string> {
  const { bytes } = encodeWasm(program);
  return (await wabtModule()).readWasm(bytes, { simd: true, bulk_memory: true }).toText({});
}

/** A stage's lines from the first that starts with `part` to the one that closes it; the whole stage without a part. */
export function partOf(dump: string, part: string): string {
  if (part === '') return dump;
  const lines = dump.split('\n');
  const from = lines.findIndex((line) => line.trimStart().startsWith(part));
  if (from < 0) throw new Error(`the dump has no line that starts with ${part}`);
  const indent = /^ */.exec(lines[from] ?? '')?.[0] ?? '';
  const closes = (line: string): boolean => line.startsWith(`${indent}}`) || line === `${indent}end`;
  const after = lines.findIndex((line, at) => at > from && closes(line));
  const blank = lines.findIndex((line, at) => at > from && line === '');
  const end = after < 0 || (blank >= 0 && blank < after) ? blank : after + 1;
  return lines.slice(from, end < 0 ? undefined : end).join('\n');
}

const block = /<!-- dump: (\S+?)(?: \| (.*?))? -->\n\n```(\w*)\n[\s\S]*?\n```/g;

/** The page with every dump replaced by what the compiler prints now. */
export function fillTour(page: string, dumps: Dumps): string {
  return page.replaceAll(block, (_all, stage: string, part: string | undefined, language: string) => {
    const dump = dumps.get(stage);
    if (dump === undefined) throw new Error(`no stage ${stage}`);
    const mark = part === undefined ? stage : `${stage} | ${part}`;
    return `<!-- dump: ${mark} -->\n\n\`\`\`${language}\n${partOf(dump, part ?? '').trimEnd()}\n\`\`\``;
  });
}
