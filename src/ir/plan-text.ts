// Plans and their kernels as text, and back: parseProgram(printProgram(p)) is p.
import { dtypes } from './dtype.ts';
import type { Kernel } from './kernel.ts';
import { printKernel, readKernel } from './kernel-text.ts';
import {
  pools,
  type Dispatch,
  type Plan,
  type PlanBuffer,
  type PlanInput,
  type PlanStep,
  type TargetProgram,
} from './plan.ts';
import { BodyReader, ValueNames, hostText } from './text/graph-body.ts';
import { dimsText, readDims, readKind, readRole } from './text/header.ts';
import { Reader, type SourceTable } from './text/reader.ts';
import { dataText, indent, numberText, symbolText, typeText } from './text/writer.ts';

/** The text of everything for one target. */
export const printProgram = (program: TargetProgram): string =>
  `${[`program ${program.target}`, ...program.kernels.map(printKernel), ...program.plans.map(printPlan)].join('\n\n')}\n`;

/** The text of one plan. */
export function printPlan(plan: Plan): string {
  const body = [
    ...plan.inputs.map(inputText),
    ...plan.buffers.map(bufferText),
    ...plan.record.map(({ name, dtype }) => `record ${dataText(name)} ${dtype}`),
    ...plan.steps.flatMap(stepText),
    ...plan.results.map(({ name, role, buffer }) => `result ${role} ${dataText(name)} ${symbolText('@', buffer)}`),
    ...hostText(plan.host, new ValueNames()),
  ];
  return [
    `plan ${symbolText('@', plan.name)} ${plan.kind} ${plan.target}${dimsText(plan.dims, plan.facts)} {`,
    ...indent(body),
    '}',
  ].join('\n');
}

const inputText = ({ name, role, buffer }: PlanInput): string =>
  `input ${dataText(name)} ${role}${buffer === undefined ? '' : ` ${symbolText('@', buffer)}`}`;

const bufferText = ({ id, pool, dtype, shape, first, last, alias }: PlanBuffer): string =>
  `buffer ${symbolText('@', id)} ${pool} ${typeText({ dtype, shape })} ${numberText(first)} to ${numberText(last)}${alias === undefined ? '' : ` alias ${symbolText('@', alias)}`}`;

function stepText(step: PlanStep): string[] {
  switch (step.kind) {
    case 'dispatch':
      return [dispatchText(step)];
    case 'copy':
      return [`copy ${symbolText('@', step.from)} to ${symbolText('@', step.to)}`];
    case 'fill':
      return [`fill ${symbolText('@', step.buffer)} = ${numberText(step.value)}`];
    case 'loop':
      return [
        `loop ${step.index}: ${step.count.key}${step.reverse ? ' reverse' : ''} {`,
        ...indent(step.body.flatMap(stepText)),
        '}',
      ];
    case 'prepare':
      return ['prepare {', ...indent(step.body.flatMap(stepText)), '}'];
  }
}

const keys = (dims: Dispatch['params']): string => dims.map((d) => d.key).join(', ');

function dispatchText({ kernel, buffers, params, scalars, grid }: Dispatch): string {
  const list = buffers.map((id) => symbolText('@', id)).join(', ');
  return `dispatch ${symbolText('@', kernel)}(${list}) params (${keys(params)}) scalars ${dataText(scalars)} grid (${keys(grid)})`;
}

/** Reads {@link printProgram}'s text. @throws IrSyntaxError */
export function parseProgram(text: string, sources?: SourceTable): TargetProgram {
  const reader = new Reader(text, sources);
  reader.expect('program');
  const target = reader.choice(['gpu', 'cpu']);
  const kernels: Kernel[] = [];
  while (reader.peek() === 'kernel') kernels.push(readKernel(reader));
  const plans: Plan[] = [];
  while (reader.peek() === 'plan') plans.push(readPlan(reader));
  if (reader.peek() !== '') reader.fail(`unexpected ${reader.peek()}`);
  return { target, kernels, plans };
}

function readPlan(reader: Reader): Plan {
  reader.expect('plan');
  const name = reader.symbol('@');
  const kind = readKind(reader);
  const target = reader.choice(['gpu', 'cpu']);
  const { dims, facts } = readDims(reader);
  reader.expect('{');
  const inputs = readAll(reader, 'input', () => readInput(reader));
  const buffers = readAll(reader, 'buffer', () => readBuffer(reader));
  const record = readAll(reader, 'record', () => ({ name: reader.string(), dtype: reader.choice(dtypes) }));
  const steps = readSteps(reader, ['result', 'host', '}']);
  const results = readAll(reader, 'result', () => {
    const role = reader.choice(['output', 'update']);
    return { role, name: reader.string(), buffer: reader.symbol('@') };
  });
  const host = new BodyReader(reader).host();
  reader.expect('}');
  return { name, kind, target, dims, facts, inputs, results, buffers, steps, record, host };
}

function readAll<Item>(reader: Reader, word: string, item: () => Item): Item[] {
  const items: Item[] = [];
  while (reader.accept(word)) items.push(item());
  return items;
}

function readInput(reader: Reader): PlanInput {
  const [name, role] = [reader.string(), readRole(reader)];
  return reader.peek().startsWith('@') ? { name, role, buffer: reader.symbol('@') } : { name, role };
}

function readBuffer(reader: Reader): PlanBuffer {
  const id = reader.symbol('@');
  const pool = reader.choice(pools);
  const { dtype, shape } = reader.type();
  const first = reader.number();
  reader.expect('to');
  const buffer = { id, pool, dtype, shape, first, last: reader.number() };
  return reader.accept('alias') ? { ...buffer, alias: reader.symbol('@') } : buffer;
}

function readSteps(reader: Reader, ends: readonly string[]): PlanStep[] {
  const steps: PlanStep[] = [];
  while (!ends.includes(reader.peek())) steps.push(readStep(reader));
  return steps;
}

function readStep(reader: Reader): PlanStep {
  switch (reader.choice(['dispatch', 'copy', 'fill', 'loop', 'prepare'])) {
    case 'dispatch':
      return readDispatch(reader);
    case 'copy': {
      const from = reader.symbol('@');
      reader.expect('to');
      return { kind: 'copy', from, to: reader.symbol('@') };
    }
    case 'fill': {
      const buffer = reader.symbol('@');
      reader.expect('=');
      return { kind: 'fill', buffer, value: reader.number() };
    }
    case 'loop':
      return readLoop(reader);
    case 'prepare':
      return { kind: 'prepare', body: readBody(reader) };
  }
}

function readLoop(reader: Reader): PlanStep {
  const index = `%${reader.symbol('%')}`;
  reader.expect(':');
  const count = reader.dim();
  const reverse = reader.accept('reverse');
  return { kind: 'loop', index, count, reverse, body: readBody(reader) };
}

function readBody(reader: Reader): PlanStep[] {
  reader.expect('{');
  const body = readSteps(reader, ['}']);
  reader.expect('}');
  return body;
}

function readDispatch(reader: Reader): Dispatch {
  const kernel = reader.symbol('@');
  const buffers = readList(reader, () => reader.symbol('@'));
  reader.expect('params');
  const params = readList(reader, () => reader.dim());
  reader.expect('scalars');
  reader.expect('[');
  const scalars = reader.list(']', () => reader.string());
  reader.expect('grid');
  const [x, y, z] = readList(reader, () => reader.dim());
  if (!x || !y || !z) reader.fail('a grid has three dims');
  return { kind: 'dispatch', kernel, buffers, params, scalars, grid: [x, y, z] };
}

function readList<Item>(reader: Reader, item: () => Item): Item[] {
  reader.expect('(');
  return reader.list(')', item);
}
