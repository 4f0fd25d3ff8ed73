// Runs an example: calls its host code, or its `dlm train` commands as a user would type them.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { CommandExample, Example, Outcome, Settings } from '../examples/example.ts';
import { chart, line } from '../examples/pictures/chart.ts';
import { bundledCli } from '../test/cli/dlm.ts';

/** Runs an example once. */
export const runExample = (example: Example, settings: Settings): Promise<Outcome> =>
  'run' in example ? example.run(settings) : runCommands(example, settings);

interface Measured {
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
}
interface TrainEvent extends Partial<Measured> {
  readonly event: string;
  /** Of an epoch: how it did on held-out examples; of the start: their share. */
  readonly valid?: Measured | number;
}

async function runCommands({ title, commands }: CommandExample, settings: Settings): Promise<Outcome> {
  const scores: Record<string, number> = {};
  const losses: Record<string, number[]> = {};
  const pictures: Record<string, string> = {};
  for (const [name, { line: command, metric }] of Object.entries(commands)) {
    const events = await dlm(command, settings);
    losses[name] = events.flatMap(({ event, loss }) => (event === 'step' && loss !== undefined ? [loss] : []));
    scores[name] = events.at(-1)?.metrics?.[metric] ?? NaN;
    pictures[`${name.replace(/\W+/g, '-')}.svg`] = curve(`${title}: ${name}`, metric, events);
  }
  return { scores, losses, pictures };
}

function curve(title: string, metric: string, events: readonly TrainEvent[]): string {
  const held = events.flatMap(({ event, valid }) => (event === 'epoch' && typeof valid === 'object' ? [valid] : []));
  return chart({
    title,
    x: 'epoch',
    y: 'on held-out examples',
    range: [0, Math.max(1, ...held.map(({ loss }) => loss))],
    series: [
      line(
        'loss',
        held.map(({ loss }) => loss),
      ),
      line(
        metric,
        held.map(({ metrics }) => metrics[metric] ?? 0),
      ),
    ],
  });
}

async function dlm(command: string, { device, seed, brief }: Settings): Promise<TrainEvent[]> {
  const target = device === 'wasm' ? 'wasm' : 'webgpu';
  const more = [
    '--json',
    '--seed',
    String(seed),
    '--device',
    target,
    ...(brief ? ['--epochs', '2', '--every', '1'] : []),
  ];
  const cli = await bundledCli();
  const child = spawn(process.execPath, [cli, ...command.replace(/^dlm /, '').split(/\s+/), ...more]);
  const [text, complaint, code] = await Promise.all([
    read(child.stdout),
    read(child.stderr),
    new Promise<number | null>((done) => child.on('close', done)),
  ]);
  if (code !== 0) throw new Error(`${command}: ${complaint}`);
  return text
    .split('\n')
    .filter((each) => each.startsWith('{'))
    .map((each) => JSON.parse(each) as TrainEvent);
}

async function read(stream: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) text += chunk;
  return text;
}

/** Where a picture of an example lies. */
export const pictureFile = (folder: string, name: string): string => join('examples', folder, name);
