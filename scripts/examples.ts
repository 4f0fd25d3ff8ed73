// `npm run examples`: trains every example on WebAssembly to its score, prints a table and writes docs/systems.md.
// `-- 3` runs one row and leaves the others of the page as they are, `--json` prints data, `--device webgpu` trains on a GPU, `--seed 7`
// takes another seed, `--pictures` redraws the pictures in the folders.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Example, Goal, Settings } from '../examples/example.ts';
import { swiftshader } from '../test/support/swiftshader.ts';
import { requestTestDevice } from '../test/support/webgpu.ts';
import { costOf, exampleFolders, loadExample, statedRow, type Cost } from './example-modules.ts';
import { pictureFile, runExample } from './run-example.ts';

/** One line of the table. */
interface Row {
  readonly row: number;
  readonly folder: string;
  readonly title: string;
  readonly name: string;
  readonly score: number;
  readonly goal: Goal;
  readonly met: boolean;
  readonly seconds: number;
  readonly costs: readonly Cost[];
}

const pageFile = 'docs/systems.md';
const argumentsGiven = process.argv.slice(2);
const valueOf = (flag: string): string | undefined => {
  const at = argumentsGiven.indexOf(flag);
  return at < 0 ? undefined : argumentsGiven[at + 1];
};
const asked = argumentsGiven
  .filter((text, at) => /^\d+$/.test(text) && argumentsGiven[at - 1] !== '--seed')
  .map(Number);
const isJson = argumentsGiven.includes('--json');
const isWebGpu = valueOf('--device') === 'webgpu';

async function main(): Promise<void> {
  const { device, close } = await openDevice();
  const settings: Settings = { device, seed: Number(valueOf('--seed') ?? 1), brief: false };
  const rows: Row[] = [];
  for (const { folder, example } of await chosenExamples()) {
    if (!isJson) console.log(`${example.row} ${example.title} …`);
    const made = await measure(folder, example, settings);
    rows.push(...made);
    console.log(made.map(isJson ? (row) => JSON.stringify(row) : lineOf).join('\n'));
  }
  close();
  if (!isWebGpu && valueOf('--seed') === undefined) writeFileSync(pageFile, page(rows));
  if (rows.some(({ met }) => !met)) process.exitCode = 1;
}

async function openDevice(): Promise<{ device: Settings['device']; close: () => void }> {
  if (!isWebGpu) return { device: 'wasm', close: () => {} };
  const found = await requestTestDevice();
  if ('missing' in found) throw new Error(`no GPU: ${found.missing}`);
  return { device: found.device, close: () => found.device.destroy() };
}

async function chosenExamples(): Promise<{ folder: string; example: Example }[]> {
  const folders = exampleFolders()
    .filter((folder) => asked.length === 0 || asked.includes(statedRow(folder)))
    .sort((a, b) => statedRow(a) - statedRow(b));
  const chosen: { folder: string; example: Example }[] = [];
  for (const folder of folders) chosen.push({ folder, example: await loadExample(folder) });
  return chosen;
}

async function measure(folder: string, example: Example, settings: Settings): Promise<Row[]> {
  const costs: Cost[] = [];
  for (const program of example.programs) costs.push(await costOf(folder, program));
  const start = performance.now();
  const { scores, pictures } = await runExample(example, settings);
  const seconds = (performance.now() - start) / 1000;
  if (argumentsGiven.includes('--pictures'))
    for (const [name, text] of Object.entries(pictures)) writeFileSync(pictureFile(folder, name), text);
  return Object.entries(example.goals).map(([name, goal]) => {
    const score = scores[name] ?? NaN;
    const met = 'least' in goal ? score >= goal.least : score <= goal.most;
    return { row: example.row, folder, title: example.title, name, score, goal, met, seconds, costs };
  });
}

const number = (value: number): string => String(Number(value.toPrecision(4)));
const bytes = (value: number): string =>
  value < 1e6 ? `${(value / 1e3).toFixed(1)} kB` : `${(value / 1e6).toFixed(1)} MB`;
const goalText = (goal: Goal): string => ('least' in goal ? `≥ ${goal.least}` : `≤ ${goal.most}`);
const each = (costs: readonly Cost[], show: (cost: Cost) => string): string => [...new Set(costs.map(show))].join(', ');

const lineOf = ({ row, name, score, goal, met, seconds, costs }: Row): string =>
  `${row}  ${met ? 'reached' : 'MISSED '}  ${name}: ${number(score)} (${goalText(goal)}), ${seconds.toFixed(1)} s, ` +
  `${each(costs, ({ parameters }) => String(parameters))} parameters, ` +
  `${each(costs, ({ peak }) => bytes(peak))} at most, ${each(costs, ({ size }) => bytes(size))} compiled`;

/** The lines of the table for these rows. */
function tableRows(rows: readonly Row[]): string[] {
  return rows.map(({ row, folder, title, name, score, goal, met, seconds, costs }, at) => {
    const first = rows[at - 1]?.folder !== folder;
    const cells = [
      `${row}`,
      first ? `[${title}](../examples/${folder}/README.md)` : '',
      name,
      met ? number(score) : `**${number(score)}**`,
      goalText(goal),
      ...(first
        ? [
            `${seconds.toFixed(0)} s`,
            each(costs, ({ parameters }) => parameters.toLocaleString('en')),
            each(costs, ({ peak }) => bytes(peak)),
            each(costs, ({ size }) => bytes(size)),
          ]
        : ['', '', '', '']),
    ];
    return `| ${cells.join(' | ')} |`;
  });
}

const rowOf = (text: string): number => Number(/^\| (\d+) \|/.exec(text)?.[1]);

/** The page: what ran now, and of other rows what the page says so far. */
function page(rows: readonly Row[]): string {
  const ran = new Set(rows.map(({ row }) => row));
  const before = existsSync(pageFile) ? readFileSync(pageFile, 'utf8').split('\n') : [];
  const kept = asked.length === 0 ? [] : before.filter((text) => rowOf(text) > 0 && !ran.has(rowOf(text)));
  const lines = [...kept, ...tableRows(rows)].sort((a, b) => rowOf(a) - rowOf(b));
  return `# Systems and their scores

Written by \`npm run examples\`, which trains every example on WebAssembly with seed 1; \`-- 3\` runs one row,
\`--device webgpu\` runs on a GPU. A score that misses its goal is bold. Time is that of one run, data and evaluation
included; memory is the fullest moment of a training step; size is the compiled module with both targets, minified and
gzipped. An example with several programs has several figures.

| row | example | score | reached | goal | time | parameters | memory | size |
|---|---|---|---|---|---|---|---|---|
${lines.join('\n')}
`;
}

// The driver's variables must be there when a process starts: on a machine without a GPU this starts it again.
if (isWebGpu && process.env['DLM_GPU'] !== 'native' && process.env['VK_ICD_FILENAMES'] === undefined) {
  const found = swiftshader();
  const env = { ...process.env, ...('env' in found ? found.env : {}), DLM_GPU: 'native' };
  const child = spawn(process.execPath, ['scripts/run.mjs', 'scripts/examples.ts', ...argumentsGiven], {
    stdio: 'inherit',
    env,
  });
  child.on('exit', (code) => process.exit(code ?? 1));
} else {
  await main();
}
