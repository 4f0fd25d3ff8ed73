// Writes docs/library.md: runs the parity cases and the end-to-end programs, and puts down for every member of
// the standard library what ran on which device. `npm run library` runs them, `npm run library -- report.json …` takes
// what vitest's JSON reporter wrote. A test keeps the members of the page current.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { libraryMembers, type Member } from './library-members.ts';

interface TestResult {
  readonly status: string;
  readonly title: string;
  readonly ancestorTitles: readonly string[];
}
interface Report {
  readonly testResults: readonly { readonly assertionResults: readonly TestResult[] }[];
}
interface FixtureCase {
  readonly kind: string;
  readonly name: string;
  readonly use: string;
  readonly member?: string | null;
  readonly call?: string;
  readonly optimizer?: string;
  readonly schedule?: string;
  readonly initialiser?: string;
  readonly gradients?: Readonly<Record<string, unknown>>;
}

/** One program that ran: the names it mentions, and the devices on which it did what it should. */
interface Evidence {
  readonly names: ReadonlySet<string>;
  /** The modules that it imports names from, by name: two modules may have a member of one name. */
  readonly modules: ReadonlyMap<string, string>;
  readonly source: string;
  readonly isParity: boolean;
  readonly gradient: 'parity' | 'trained' | 'none';
  readonly devices: Set<string>;
}

const namesIn = (text: string): Set<string> => new Set(text.match(/[A-Za-z_]\w*/g) ?? []);

/** The module of each imported name; names of std/fn are imported by nobody. */
const importsIn = (text: string): Map<string, string> =>
  new Map(
    [...text.matchAll(/import \{([^}]*)\} from "std\/(\w+)/g)].flatMap(([, names = '', module = '']) =>
      [...namesIn(names)].map((name): [string, string] => [name, module]),
    ),
  );

/** The `use` of a fixture: "A, B" of std/nn, or "module: A, B; …". */
const usesIn = (use: string): Map<string, string> =>
  new Map(
    use.split(';').flatMap((part) => {
      const [, module = 'nn', names = part] = /^\s*(\w+): (.*)$/.exec(part) ?? [];
      return [...namesIn(names)].map((name): [string, string] => [name, module]);
    }),
  );

const moduleOf = ({ file }: Member): string => (file.split('/')[0] ?? '').replace('.dlm', '');

const uses = ({ names, modules }: Evidence, member: Member): boolean =>
  names.has(member.name) && (modules.get(member.name) ?? 'fn') === moduleOf(member);

function parityEvidence(): Map<string, Evidence> {
  const found = new Map<string, Evidence>();
  for (const file of readdirSync('test/parity/fixtures').filter((name) => name.endsWith('.json'))) {
    const family = file.replace('.json', '');
    const cases = JSON.parse(readFileSync(join('test/parity/fixtures', file), 'utf8')) as readonly FixtureCase[];
    for (const one of cases) {
      const text = [
        one.member ?? '',
        one.call ?? '',
        one.optimizer ?? '',
        one.schedule ?? '',
        one.initialiser ?? '',
      ].join(' ');
      const compares = Object.keys(one.gradients ?? {}).length > 0;
      const evidence: Evidence = {
        names: namesIn(text),
        modules: usesIn(one.use),
        source: `parity/${family}`,
        isParity: true,
        gradient: compares ? 'parity' : one.kind === 'optimizer' ? 'trained' : 'none',
        devices: new Set<string>(),
      };
      found.set(`${family}\n${one.name}`, evidence);
    }
  }
  return found;
}

function programEvidence(): Map<string, Evidence> {
  const folder = 'test/exec/programs';
  return new Map(
    readdirSync(folder).map((file): [string, Evidence] => {
      const text = readFileSync(join(folder, file), 'utf8').replace(/\/\/.*$/gm, '');
      const own = [...text.matchAll(/\b(?:fn|layer|model|optimizer|type|const) (\w+)/g)].map(([, name]) => name ?? '');
      const names = namesIn(text);
      for (const name of own) names.delete(name);
      return [
        file,
        {
          names,
          modules: importsIn(text),
          source: `exec/${file}`,
          isParity: false,
          gradient: /\btrain \w+\(/.test(text) ? 'trained' : 'none',
          devices: new Set(),
        },
      ];
    }),
  );
}

function runTests(): string {
  const output = 'node_modules/.cache/dlm-library.json';
  const tests = ['test/parity/parity.test.ts', 'test/exec/exec.test.ts'];
  spawnSync(
    process.execPath,
    ['node_modules/vitest/vitest.mjs', 'run', ...tests, '--reporter=json', `--outputFile=${output}`],
    { stdio: 'ignore' },
  );
  return output;
}

const resultsIn = (file: string): readonly TestResult[] =>
  (JSON.parse(readFileSync(file, 'utf8')) as Report).testResults.flatMap(({ assertionResults }) => assertionResults);

/** What the tests gave: from reports that exist (`npm run library -- report.json …`), else from a run. */
function testResults(): readonly TestResult[] {
  const given = process.argv.slice(2);
  return (given.length > 0 ? given : [runTests()]).flatMap(resultsIn);
}

/** Evidence with the devices on which each program passed. */
function collect(): readonly Evidence[] {
  const [parity, programs] = [parityEvidence(), programEvidence()];
  for (const { status, title, ancestorTitles } of testResults()) {
    const device = /on (wasm|webgpu)$/.exec(title)?.[1];
    const evidence = parity.get(ancestorTitles.slice(-2).join('\n')) ?? programs.get(ancestorTitles.at(-1) ?? '');
    if (status === 'passed' && device !== undefined) evidence?.devices.add(device);
  }
  return [...parity.values(), ...programs.values()].filter(({ devices }) => devices.size > 0);
}

function row(member: Member, evidence: readonly Evidence[]): string {
  const own = evidence.filter((one) => uses(one, member));
  const on = (device: string): string => (own.some(({ devices }) => devices.has(device)) ? 'yes' : 'not run');
  const gradient = (['parity', 'trained'] as const).find((how) => own.some((one) => one.gradient === how)) ?? 'none';
  const parity = own.filter(({ isParity }) => isParity);
  const count = parity.length === 0 ? '' : ` (${parity.length})`;
  const sources = [...new Set((parity.length > 0 ? parity : own).map(({ source }) => source))];
  const where = sources.length === 0 ? 'not run' : `${sources.slice(0, 2).join(', ')}${count}`;
  const cells = [
    `\`${member.name}\``,
    member.file,
    member.what.replaceAll('|', '\\|'),
    on('wasm'),
    on('webgpu'),
    gradient,
    where,
  ];
  return `| ${cells.join(' | ')} |`;
}

const evidence = collect();
const members = libraryMembers();
const rows = members.map((member) => row(member, evidence));
writeFileSync(
  'docs/library.md',
  `# The standard library

Generated by \`npm run library\` from what the tests ran. WASM and WebGPU: a program that uses the member gave there
what it should. Gradient: \`parity\`, equal to PyTorch's; \`trained\`, part of a training loop that equals
PyTorch's or the interpreter's; \`none\`, no test takes one (schedules, initialisers). The last column names the
fixtures of \`test/parity\` with the number of cases, or a program of \`test/exec\`.

| member | file | what it is | WASM | WebGPU | gradient | evidence |
|---|---|---|---|---|---|---|
${rows.join('\n')}
`,
);
const missing = members.filter((_, at) => rows[at]?.includes('not run'));
console.log(
  `docs/library.md: ${members.length} members, ${missing.length} not run${missing.length > 0 ? `: ${missing.map(({ name }) => name).join(', ')}` : ''}`,
);
