// Writes docs/library.md: runs the parity cases and the end-to-end programs, and puts down for every member of
// the standard library what ran on which device. `npm run library`; a test keeps the members of the page current.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { libraryMembers, type Member } from './library-members.ts';

interface TestResult {
  readonly status: string;
  readonly title: string;
  readonly ancestorTitles: readonly string[];
}
interface FixtureCase {
  readonly kind: string;
  readonly name: string;
  readonly use: string;
  readonly member?: string | null;
  readonly call?: string;
  readonly optimizer?: string;
  readonly schedule?: string;
  readonly gradients?: Readonly<Record<string, unknown>>;
}

/** One program that ran: the names it mentions, and the devices on which it did what it should. */
interface Evidence {
  readonly names: ReadonlySet<string>;
  readonly source: string;
  readonly isParity: boolean;
  readonly differentiates: boolean;
  readonly devices: Set<string>;
}

const namesIn = (text: string): Set<string> => new Set(text.match(/[A-Za-z_]\w*/g) ?? []);

function parityEvidence(): Map<string, Evidence> {
  const found = new Map<string, Evidence>();
  for (const file of readdirSync('test/parity/fixtures')) {
    const family = file.replace('.json', '');
    const cases = JSON.parse(readFileSync(join('test/parity/fixtures', file), 'utf8')) as readonly FixtureCase[];
    for (const one of cases) {
      const text = [one.member ?? '', one.call ?? '', one.optimizer ?? '', one.schedule ?? ''].join(' ');
      const differentiates = Object.keys(one.gradients ?? {}).length > 0;
      const evidence = {
        names: namesIn(text),
        source: `parity/${family}`,
        isParity: true,
        differentiates,
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
          source: `exec/${file}`,
          isParity: false,
          differentiates: /\btrain \w+\(/.test(text),
          devices: new Set(),
        },
      ];
    }),
  );
}

function runTests(): readonly TestResult[] {
  const folder = mkdtempSync(join(tmpdir(), 'dlm-library-'));
  const output = join(folder, 'results.json');
  const tests = ['test/parity/parity.test.ts', 'test/exec/exec.test.ts'];
  spawnSync(
    process.execPath,
    ['node_modules/vitest/vitest.mjs', 'run', ...tests, '--reporter=json', `--outputFile=${output}`],
    { stdio: 'ignore' },
  );
  const report = JSON.parse(readFileSync(output, 'utf8')) as {
    testResults: readonly { assertionResults: readonly TestResult[] }[];
  };
  rmSync(folder, { recursive: true });
  return report.testResults.flatMap(({ assertionResults }) => assertionResults);
}

/** Evidence with the devices on which each program passed. */
function collect(): readonly Evidence[] {
  const [parity, programs] = [parityEvidence(), programEvidence()];
  for (const { status, title, ancestorTitles } of runTests()) {
    const device = /on (wasm|webgpu)$/.exec(title)?.[1];
    const evidence = parity.get(ancestorTitles.slice(-2).join('\n')) ?? programs.get(ancestorTitles.at(-1) ?? '');
    if (status === 'passed' && device !== undefined) evidence?.devices.add(device);
  }
  return [...parity.values(), ...programs.values()].filter(({ devices }) => devices.size > 0);
}

function row(member: Member, evidence: readonly Evidence[]): string {
  const own = evidence.filter(({ names }) => names.has(member.name));
  const on = (device: string): string => (own.some(({ devices }) => devices.has(device)) ? 'yes' : 'not run');
  const gradients = own.filter(({ differentiates }) => differentiates);
  const gradient = gradients.some(({ isParity }) => isParity) ? 'parity' : gradients.length > 0 ? 'trained' : 'none';
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
what it should. Gradient: \`parity\`, equal to PyTorch's; \`trained\`, part of a training loop that equals the
interpreter's; \`none\`, no test takes one (schedules, masks, metrics, decoding). The last column names the fixtures
of \`test/parity\` with the number of cases, or a program of \`test/exec\`.

| member | file | what it is | WASM | WebGPU | gradient | evidence |
|---|---|---|---|---|---|---|
${rows.join('\n')}
`,
);
const missing = members.filter((_, at) => rows[at]?.includes('not run'));
console.log(
  `docs/library.md: ${members.length} members, ${missing.length} not run${missing.length > 0 ? `: ${missing.map(({ name }) => name).join(', ')}` : ''}`,
);
