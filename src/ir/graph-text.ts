// Graph modules as text, and back: parseGraph(printGraph(m)) is m. Names of input values are the
// inputs' own names; spans read back into the sources that are passed, by name.
import type {
  EntryInfo,
  FunctionInput,
  FunctionResult,
  GraphFunction,
  GraphModule,
  ModelInfo,
  TrainInfo,
} from './graph.ts';
import { BodyReader, ValueNames, hostText, nodesText } from './text/graph-body.ts';
import { dimsText, readDims, readKind, readRole } from './text/header.ts';
import { Reader, type SourceTable } from './text/reader.ts';
import { dataText, indent, recordText, symbolText, typeText } from './text/writer.ts';

/** The text of one function. */
export function printFunction(fn: GraphFunction): string {
  const names = new ValueNames();
  for (const { name, value } of fn.inputs) names.define(value, name);
  const inputs = fn.inputs.map((input, at) => inputText(input) + (at < fn.inputs.length - 1 ? ',' : ''));
  const nodes = nodesText(fn.nodes, names);
  const results = fn.results.map(({ name, role, value }) => `${role} ${dataText(name)} ${names.of(value)}`);
  const body = [...nodes, `return ${results.join(', ')};`, ...hostText(fn.host, names)];
  const head = [`func ${symbolText('@', fn.name)}(`, ...indent(inputs)];
  return [...head, `) ${fn.kind}${dimsText(fn.dims, fn.facts)} {`, ...indent(body), '}'].join('\n');
}

const inputText = ({ name, role, value }: FunctionInput): string =>
  `${symbolText('%', name)}: ${typeText(value.type)} ${role} ${dataText(name)}`;

/** The text of a module. */
export function printGraph(module: GraphModule): string {
  const parts = [
    `module ${dataText(module.name)}`,
    ...module.functions.map(printFunction),
    ...Object.entries(module.entries).map(([name, info]) => `entry ${dataText(name)} ${recordText(info)}`),
    ...module.models.map((info) => `model ${recordText(info)}`),
    ...module.trains.map((info) => `train ${recordText(info)}`),
  ];
  return `${parts.join('\n\n')}\n`;
}

/** Reads {@link printGraph}'s text. @throws IrSyntaxError */
export function parseGraph(text: string, sources?: SourceTable): GraphModule {
  const reader = new Reader(text, sources);
  reader.expect('module');
  const name = reader.string();
  const functions: GraphFunction[] = [];
  while (reader.peek() === 'func') functions.push(readFunction(reader));
  const entries: [string, EntryInfo][] = [];
  while (reader.accept('entry')) entries.push([reader.string(), readInfo(reader) as EntryInfo]);
  const models: ModelInfo[] = [];
  while (reader.accept('model')) models.push(readInfo(reader) as ModelInfo);
  const trains: TrainInfo[] = [];
  while (reader.accept('train')) trains.push(readInfo(reader) as TrainInfo);
  if (reader.peek() !== '') reader.fail(`unexpected ${reader.peek()}`);
  return { name, functions, entries: Object.fromEntries(entries), models, trains };
}

// The records of a module are plain data; the verifier looks at what the text may have got wrong.
const readInfo = (reader: Reader): unknown => reader.record();

/** Reads {@link printFunction}'s text. @throws IrSyntaxError */
export function parseFunction(text: string, sources?: SourceTable): GraphFunction {
  return readFunction(new Reader(text, sources));
}

function readFunction(reader: Reader): GraphFunction {
  reader.expect('func');
  const name = reader.symbol('@');
  const body = new BodyReader(reader);
  reader.expect('(');
  const inputs = reader.list(')', () => readInput(body));
  const kind = readKind(reader);
  const { dims, facts } = readDims(reader);
  reader.expect('{');
  const nodes = body.nodes(['return']);
  reader.expect('return');
  const results = reader.list(';', () => readResult(body));
  const host = body.host();
  reader.expect('}');
  return { name, kind, dims, facts, inputs, nodes, results, host };
}

function readInput(body: BodyReader): FunctionInput {
  const { reader } = body;
  const text = reader.next();
  reader.expect(':');
  const type = reader.type();
  const role = readRole(reader);
  const name = reader.string();
  return { name, role, value: body.define(text, { type, name }) };
}

function readResult(body: BodyReader): FunctionResult {
  const role = body.reader.choice(['output', 'update']);
  return { role, name: body.reader.string(), value: body.use() };
}
