// Nest modules as text, and back: parseNests(printNests(m)) is m.
import type { HostScalar } from './graph.ts';
import {
  monoidNamed,
  type Axis,
  type LoopNest,
  type Monoid,
  type Nest,
  type NestFunction,
  type NestModule,
  type NestStep,
  type OpaqueNest,
  type Stage,
} from './nest.ts';
import { BodyReader, ValueNames, hostText } from './text/graph-body.ts';
import { dimsText, readDims, readKind, readRole } from './text/header.ts';
import { ExprReader, SharedExprs } from './text/nest-expr.ts';
import { Reader, type SourceTable } from './text/reader.ts';
import { dataText, indent, originText, recordText, symbolText, typeText } from './text/writer.ts';

/** The text of a module. */
export const printNests = (module: NestModule): string =>
  `${[`nests ${dataText(module.name)}`, ...module.functions.map(printNestFunction)].join('\n\n')}\n`;

/** The text of one function. */
export function printNestFunction(fn: NestFunction): string {
  const inputs = fn.inputs.map(
    ({ name, role, buffer }, at) =>
      `${symbolText('@', buffer)} ${role} ${dataText(name)}${at < fn.inputs.length - 1 ? ',' : ''}`,
  );
  const results = fn.results.map(({ name, role, buffer }) => `${role} ${dataText(name)} ${symbolText('@', buffer)}`);
  const body = [
    ...fn.buffers.map(({ id, type }) => `buffer ${symbolText('@', id)}: ${typeText(type)}`),
    ...fn.body.flatMap(stepText),
    `return ${results.join(', ')};`,
    ...hostText(fn.host, new ValueNames()),
  ];
  return [
    `func ${symbolText('@', fn.name)}(`,
    ...indent(inputs),
    `) ${fn.kind}${dimsText(fn.dims, fn.facts)} {`,
    ...indent(body),
    '}',
  ].join('\n');
}

const axesText = (axes: readonly Axis[]): string =>
  `[${axes.map(({ name, extent }) => `${name}: ${extent.key}`).join(', ')}]`;

function stepText(step: NestStep): string[] {
  switch (step.kind) {
    case 'nest':
      return nestText(step);
    case 'loop':
      return [
        `loop ${step.index}: ${step.count.key}${step.reverse ? ' reverse' : ''} {`,
        ...indent(step.body.flatMap(stepText)),
        `}${originText(step.origin)}`,
      ];
    case 'opaque': {
      const { name, op, reads, writes, attrs } = step;
      return [`opaque ${recordText({ name, op, reads, writes, attrs })}${originText(step.origin)}`];
    }
  }
}

function nestText(nest: Nest): string[] {
  const shared = new SharedExprs(
    nest.stages.flatMap((stage) => (stage.kind === 'reduce' ? stage.args : [...dynamicParts(stage), stage.value])),
  );
  return [
    `nest ${dataText(nest.name)} ${axesText(nest.axes)} {`,
    ...indent([...shared.lines, ...nest.stages.map((stage) => stageText(stage, shared))]),
    `}${originText(nest.origin)}`,
  ];
}

const dynamicParts = (stage: Extract<Stage, { kind: 'store' }>) =>
  stage.indices.flatMap((index) => ('kind' in index ? [index.expr] : []));

function stageText(stage: Stage, shared: SharedExprs): string {
  if (stage.kind === 'store') {
    const indices = stage.indices.map((index) => shared.index(index)).join(', ');
    const over = stage.axes.length === 0 ? '' : ` over ${axesText(stage.axes)}`;
    return `store ${stage.combine} ${symbolText('@', stage.buffer)}[${indices}]${over} = ${shared.text(stage.value)}`;
  }
  const args = stage.args.map((arg) => shared.text(arg)).join(', ');
  return `reduce ${dataText(stage.id)} ${stage.monoid.name} over ${axesText(stage.axes)} (${args}) : ${stage.dtypes.join(', ')};`;
}

/** Reads {@link printNests}' text. @throws IrSyntaxError */
export function parseNests(text: string, sources?: SourceTable): NestModule {
  const reader = new Reader(text, sources);
  reader.expect('nests');
  const name = reader.string();
  const functions: NestFunction[] = [];
  while (reader.peek() === 'func') functions.push(readFunction(reader));
  if (reader.peek() !== '') reader.fail(`unexpected ${reader.peek()}`);
  return { name, functions };
}

function readFunction(reader: Reader): NestFunction {
  reader.expect('func');
  const name = reader.symbol('@');
  reader.expect('(');
  const inputs = reader.list(')', () => {
    const buffer = reader.symbol('@');
    return { buffer, role: readRole(reader), name: reader.string() };
  });
  const kind = readKind(reader);
  const { dims, facts } = readDims(reader);
  reader.expect('{');
  const buffers: NestFunction['buffers'][number][] = [];
  while (reader.accept('buffer')) {
    const id = reader.symbol('@');
    reader.expect(':');
    buffers.push({ id, type: reader.type() });
  }
  const body = readSteps(reader, 'return');
  const results = reader.list(';', () => {
    const role = reader.choice(['output', 'update']);
    return { role, name: reader.string(), buffer: reader.symbol('@') };
  });
  const host: readonly HostScalar[] = new BodyReader(reader).host();
  reader.expect('}');
  return { name, kind, dims, facts, inputs, results, buffers, body, host };
}

// Steps up to `end`, which is taken.
function readSteps(reader: Reader, end: string): NestStep[] {
  const steps: NestStep[] = [];
  while (!reader.accept(end)) steps.push(readStep(reader));
  return steps;
}

function readStep(reader: Reader): NestStep {
  switch (reader.choice(['nest', 'loop', 'opaque'])) {
    case 'nest':
      return readNest(reader);
    case 'loop':
      return readLoop(reader);
    case 'opaque': {
      const record = reader.record() as Pick<OpaqueNest, 'name' | 'op' | 'reads' | 'writes' | 'attrs'>;
      return { kind: 'opaque', ...record, origin: reader.origin() };
    }
  }
}

function readLoop(reader: Reader): LoopNest {
  const index = `%${reader.symbol('%')}`;
  reader.expect(':');
  const count = reader.dim();
  const reverse = reader.accept('reverse');
  reader.expect('{');
  const body = readSteps(reader, '}');
  return { kind: 'loop', index, count, reverse, body, origin: reader.origin() };
}

function readNest(reader: Reader): Nest {
  const name = reader.string();
  const axes = readAxes(reader);
  reader.expect('{');
  const exprs = new ExprReader(reader);
  exprs.definitions();
  const stages: Stage[] = [];
  while (!reader.accept('}'))
    stages.push(reader.choice(['reduce', 'store']) === 'reduce' ? readReduce(exprs) : readStore(exprs));
  return { kind: 'nest', name, axes, stages, origin: reader.origin() };
}

function readAxes(reader: Reader): Axis[] {
  reader.expect('[');
  return reader.list(']', () => {
    const name = `%${reader.symbol('%')}`;
    reader.expect(':');
    return { name, extent: reader.dim() };
  });
}

const monoids: readonly Monoid['name'][] = ['sum', 'prod', 'max', 'min', 'and', 'or', 'argmax', 'argmin', 'softmax'];

function readReduce(exprs: ExprReader): Stage {
  const { reader } = exprs;
  const id = reader.string();
  const name = reader.choice(monoids);
  reader.expect('over');
  const axes = readAxes(reader);
  reader.expect('(');
  const args = reader.list(')', () => exprs.expr());
  reader.expect(':');
  const dtypes = reader.list(';', () => reader.dtype());
  return { kind: 'reduce', id, axes, monoid: monoidNamed(name), args, dtypes };
}

function readStore(exprs: ExprReader): Stage {
  const { reader } = exprs;
  const combine = reader.choice(['set', 'add', 'max', 'min']);
  const buffer = reader.symbol('@');
  reader.expect('[');
  const indices = reader.list(']', () => exprs.index());
  const axes = reader.accept('over') ? readAxes(reader) : [];
  reader.expect('=');
  return { kind: 'store', axes, buffer, indices, value: exprs.expr(), combine };
}
