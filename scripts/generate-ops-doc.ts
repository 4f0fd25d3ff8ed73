// docs/ops.md from the op registry: what each primitive op means, its attributes and whether it has a
// gradient. test/ops/docs.test.ts keeps the page current (UPDATE=1 rewrites it).
import type { OpDefinition } from '../src/ir/op.ts';

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

function attributes(op: OpDefinition): string {
  return Object.entries(op.attrs ?? {})
    .map(([name, what]) => `\`${name}\`: ${what}`)
    .join('<br>');
}

function gradient(op: OpDefinition): string {
  if (op.name === 'stop_gradient') return 'stops here';
  return op.vjp === null ? 'none' : 'yes';
}

function table(ops: readonly OpDefinition[]): string[] {
  const hasAttributes = ops.some((op) => op.attrs !== undefined);
  const head = ['op', 'what it gives', ...(hasAttributes ? ['attributes'] : []), 'gradient'];
  const rows = ops.map((op) => [
    `\`${op.name}\``,
    cell(op.doc),
    ...(hasAttributes ? [cell(attributes(op))] : []),
    gradient(op),
  ]);
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
}

const introduction = `# Primitive ops

Every model is compiled to these ops. They are defined one by one in \`src/ir/ops\`, and this page is generated from
those definitions.

- Shapes never broadcast by themselves: the operands of an elementwise op have equal shapes and dtypes, and \`broadcast\`
  says where a tensor is repeated.
- Integers wrap at 32 bits. Division of integers by zero gives 0, as does the remainder; shifts count modulo 32; casts
  from float to integer saturate. \`min\` and \`max\` drop NaN.
- "none" in the last column: the derivative is zero wherever it exists, so no gradient passes.`;

/** The text of docs/ops.md. */
export function generateOpsDoc(families: Readonly<Record<string, readonly OpDefinition[]>>): string {
  const sections = Object.entries(families).map(([title, ops]) => [`## ${title}`, '', ...table(ops)].join('\n'));
  return `${[introduction, ...sections].join('\n\n')}\n`;
}
