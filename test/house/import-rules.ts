// Who may import whom: the table of ARCHITECTURE.md as data, and a scanner for it. The lint configuration carries the
// same rules (its overrides are derived from this table), so that an editor shows what this test would fail on.
import { posix } from 'node:path';

/** What one room of src/ may import besides itself. */
export interface Room {
  /** Rooms (`support`) or single files (`parser/ast`) below src/. */
  readonly rooms: readonly string[];
  /** Packages, `node:*` for Node's own. */
  readonly packages: readonly string[];
  /** Packages and rooms of which only types may be imported. */
  readonly types?: readonly string[];
}

const core = ['support', 'parser', 'elaborate', 'ir', 'passes', 'codegen', 'inspect', 'io', 'testing'];

/** Every room of src/; `.` are the files that lie in src/ itself. */
export const rooms: Readonly<Record<string, Room>> = {
  support: { rooms: [], packages: [] },
  parser: { rooms: ['support'], packages: ['chevrotain', 'prettier'] },
  elaborate: { rooms: ['support', 'parser/ast', 'parser/parse', 'ir'], packages: [] },
  ir: { rooms: ['support'], packages: [], types: ['fast-check'] },
  passes: { rooms: ['support', 'ir'], packages: [] },
  codegen: { rooms: ['support', 'ir'], packages: ['prettier'], types: ['runtime'] },
  runtime: { rooms: [], packages: [] },
  inspect: { rooms: ['support', 'ir'], packages: [] },
  io: { rooms: ['support', 'ir'], packages: [] },
  testing: { rooms: ['support', 'ir', 'passes', 'runtime/threefry'], packages: ['fast-check'] },
  '.': { rooms: [...core, 'runtime/shader', 'runtime/combine', 'runtime/halves'], packages: [] },
  cli: { rooms: ['index'], packages: ['node:*', 'cac', 'picocolors', 'webgpu'] },
  plugin: { rooms: ['index', 'parser/prettier-plugin'], packages: ['node:*', 'unplugin'], types: ['prettier'] },
  lsp: { rooms: ['index'], packages: ['node:*', 'vscode-languageserver'] },
};

/** One import statement. */
export interface ImportLine {
  readonly from: string;
  readonly typeOnly: boolean;
}

/** One import that the table does not allow. */
export interface Violation {
  readonly file: string;
  readonly from: string;
  readonly why: string;
}

const statement = /^(?:import|export)\s+(type\b)?[^'"`;]*?\bfrom\s+['"]([^'"]+)['"]/gm;
const bareStatement = /^import\s+['"]([^'"]+)['"]/gm;
const dynamicImport = /\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;

/** The imports of a formatted TypeScript file: statements start a line, dynamic ones may stand anywhere. */
export function importsOf(text: string): ImportLine[] {
  return [
    ...[...text.matchAll(statement)].map(([, type, from = '']) => ({ from, typeOnly: type !== undefined })),
    ...[...text.matchAll(bareStatement)].map(([, from = '']) => ({ from, typeOnly: false })),
    ...[...text.matchAll(dynamicImport)].map(([, from = '']) => ({ from, typeOnly: false })),
  ];
}

/** What a set of files (path below src/ → text) imports against the table. */
export function violationsOf(files: Readonly<Record<string, string>>): Violation[] {
  return Object.entries(files).flatMap(([file, text]) => {
    const room = roomOf(file);
    const rule = rooms[room];
    if (rule === undefined) return [{ file, from: '', why: `src/${room}/ is not a room of the house` }];
    return importsOf(text)
      .filter((line) => !isAllowed(room, rule, file, line))
      .map(({ from }) => ({ file, from, why: `src/${room} may not import it` }));
  });
}

function roomOf(file: string): string {
  return file.includes('/') ? file.slice(0, file.indexOf('/')) : '.';
}

function isAllowed(room: string, rule: Room, file: string, { from, typeOnly }: ImportLine): boolean {
  const types = typeOnly ? (rule.types ?? []) : [];
  if (!from.startsWith('.')) return [...rule.packages, ...types].some((name) => isPackage(name, from));
  const target = posix.join(posix.dirname(file), from).replace(/\.ts$/, '');
  if (roomOf(target) === room && !target.startsWith('..')) return true;
  return [...rule.rooms, ...types].some((name) => target === name || target.startsWith(`${name}/`));
}

function isPackage(name: string, from: string): boolean {
  return name === 'node:*' ? from.startsWith('node:') : from === name || from.startsWith(`${name}/`);
}

/** The lint override of every room: the same table in oxlint's words. */
export function lintOverrides(): object[] {
  return Object.entries(rooms).map(([room, rule]) => ({
    files: [room === '.' ? 'src/*.ts' : `src/${room}/**/*.ts`],
    rules: { 'no-restricted-imports': ['error', { patterns: restrictedPatterns(room, rule) }] },
  }));
}

function restrictedPatterns(room: string, rule: Room): object[] {
  const files = ['index', 'compile'].filter((file) => room !== '.' && !rule.rooms.includes(file));
  const others = Object.keys(rooms).filter((name) => name !== '.' && name !== room && !rule.rooms.includes(name));
  const packages = [...knownPackages].filter((name) => !rule.packages.includes(name));
  return [...files, ...others, ...packages].map((name) => ({
    ...restriction(name, rule),
    message: `src/${room} may not import ${name}: see ARCHITECTURE.md.`,
    ...(rule.types?.includes(name) ? { allowTypeImports: true } : {}),
  }));
}

const knownPackages = ['chevrotain', 'prettier', 'cac', 'picocolors', 'webgpu', 'fast-check', 'node:*'];

function restriction(name: string, rule: Room): { regex: string } | { group: string[] } {
  if (name === 'node:*') return { regex: '^node:' };
  if (knownPackages.includes(name)) return { regex: `^${name}(?:/|$)` };
  if (!(name in rooms)) return { regex: `^(?:\\.\\.?/)+${name}\\.ts$` };
  const open = rule.rooms.filter((file) => file.startsWith(`${name}/`)).map((file) => `!**/${file}.ts`);
  // The linter's regular expressions have no look-ahead, so a room with one open file is a list of globs.
  return open.length > 0 ? { group: [`**/${name}/**`, ...open] } : { regex: `^(?:\\.\\.?/)+${name}/` };
}
