// messages/*.md → src/support/messages.gen.ts: a typed constructor for every code, and the pages of `dlm explain`.
// The format of the sections is described in messages/README.md.

interface Section {
  readonly code: string;
  readonly name: string;
  readonly template: string;
  readonly page: string;
}

/** Source of `src/support/messages.gen.ts`, from the message files by name. Throws on a malformed section. */
export function generateMessages(files: Readonly<Record<string, string>>): string {
  const sections = Object.entries(files)
    .filter(([name]) => !/README\.md$/i.test(name))
    .flatMap(([name, text]) => parseSections(name, text))
    .sort((a, b) => (a.code < b.code ? -1 : 1));
  rejectDuplicates(sections);
  return [
    '// Generated from messages/*.md by `npm run generate`. Do not edit.',
    "import { createDiagnostic, type Diagnostic, type DiagnosticDetails } from './diagnostic.ts';",
    "import type { Span } from './source.ts';",
    '',
    'type Value = string | number;',
    '',
    '/** One constructor for every diagnostic: place, values of the message, details. */',
    'export const messages = {',
    ...sections.map(constructorOf),
    '} as const;',
    '',
    '/** A code that the compiler can report. */',
    'export type MessageCode = keyof typeof messages;',
    '',
    '/** The page of `dlm explain` for every code: its short name, its message and the explanation in Markdown. */',
    'export const explanations: Readonly<Record<MessageCode, { readonly name: string; readonly message: string; readonly page: string }>> = {',
    ...sections.map(explanationOf),
    '};',
    '',
  ].join('\n');
}

function parseSections(file: string, text: string): Section[] {
  const parts = text.replaceAll('\r\n', '\n').split(/^## /m).slice(1);
  return parts.map((part) => {
    const match = /^([EWI]\d{4}) ([a-z0-9-]+)\n\n> (.+)\n\n([\s\S]+)$/.exec(part);
    const [, code, name, template, page] = match ?? [];
    if (code === undefined || name === undefined || template === undefined || page === undefined) {
      throw new Error(`${file}: malformed section "${part.slice(0, part.indexOf('\n'))}", see messages/README.md`);
    }
    return { code, name, template, page: page.trim() };
  });
}

function rejectDuplicates(sections: readonly Section[]): void {
  for (const [i, { code }] of sections.entries()) {
    if (sections[i + 1]?.code === code) throw new Error(`messages: ${code} is defined twice`);
  }
}

const severities: Readonly<Record<string, string>> = { E: 'error', W: 'warning', I: 'info' };

function constructorOf({ code, template }: Section): string {
  const names = placeholders(template);
  const values = names.length === 0 ? '' : `values: { ${names.map((n) => `readonly ${n}: Value`).join('; ')} }, `;
  const head = `  ${code}: (span: Span | null, ${values}details?: DiagnosticDetails): Diagnostic =>`;
  const severity = severities[code.charAt(0)] ?? 'error';
  return `  /** ${plain(template)} */\n${head}\n    createDiagnostic('${code}', '${severity}', ${templateLiteral(template)}, span, details),`;
}

function explanationOf({ code, name, template, page }: Section): string {
  return `  ${code}: { name: ${JSON.stringify(name)}, message: ${JSON.stringify(plain(template))}, page: ${JSON.stringify(page)} },`;
}

function placeholders(template: string): readonly string[] {
  return [
    ...new Set([...template.matchAll(/\{\{|\{(\w+)\}/g)].flatMap(([, name]) => (name === undefined ? [] : [name]))),
  ];
}

function templateLiteral(template: string): string {
  const escaped = template.replace(/[`\\]|\$\{/g, (c) => `\\${c}`);
  const body = escaped.replace(/\{\{|\}\}|\{(\w+)\}/g, (c, name?: string) =>
    name === undefined ? c.charAt(0) : `\${values.${name}}`,
  );
  return `\`${body}\``;
}

function plain(template: string): string {
  return template.replaceAll('{{', '{').replaceAll('}}', '}');
}
