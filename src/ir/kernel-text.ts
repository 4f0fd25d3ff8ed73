// Kernels as text, and back: parseKernel(printKernel(k)) is k.
import { dtypes } from './dtype.ts';
import { combineOps, type Kernel, type KernelArray, type KernelBuffer, type Statement } from './kernel.ts';
import { kernelExprText, localText, readKernelExpr, readLocal } from './text/kernel-expr.ts';
import { Reader, type SourceTable } from './text/reader.ts';
import { indent, originText, symbolText } from './text/writer.ts';

/** The text of one kernel. */
export function printKernel(kernel: Kernel): string {
  const head = [
    ...kernel.buffers.map(({ name, dtype, access }) => `buffer ${localText(name)} ${dtype} ${access}`),
    ...kernel.params.map((name) => `param ${localText(name)}`),
    ...kernel.scalars.map(({ name, type }) => `scalar ${localText(name)} ${type}`),
    ...kernel.arrays.map(({ name, space, type, size }) => `array ${localText(name)} ${space} ${type} ${size}`),
    `workgroup ${kernel.workgroup.join(', ')};`,
  ];
  return [
    `kernel ${symbolText('@', kernel.name)} ${kernel.target} {`,
    ...indent([...head, ...statementsText(kernel.body)]),
    `}${originText(kernel.origin)}`,
  ].join('\n');
}

const statementsText = (body: readonly Statement[]): string[] => body.flatMap(statementText);

function statementText(s: Statement): string[] {
  const of = kernelExprText;
  switch (s.kind) {
    case 'let':
      return [`let ${localText(s.name)} = ${of(s.value)}`];
    case 'var':
      return [`var ${localText(s.name)} = ${of(s.init)}`];
    case 'assign':
      return [`set ${localText(s.name)} = ${of(s.value)}`];
    case 'store':
      return [`store ${localText(s.buffer)}[${of(s.index)}] = ${of(s.value)}`];
    case 'store-array':
      return [`put ${localText(s.array)}[${of(s.index)}] = ${of(s.value)}`];
    case 'for':
      return [
        `for ${localText(s.name)} = ${of(s.from)} to ${of(s.to)} step ${s.step} {`,
        ...indent(statementsText(s.body)),
        '}',
      ];
    case 'if':
      return [
        `if ${of(s.cond)} {`,
        ...indent(statementsText(s.then)),
        ...(s.otherwise.length === 0 ? ['}'] : ['} else {', ...indent(statementsText(s.otherwise)), '}']),
      ];
    case 'barrier':
      return ['barrier'];
    case 'combine':
      return [`combine ${localText(s.name)} by ${s.op} over ${s.team} in ${localText(s.array)}`];
  }
}

/** Reads {@link printKernel}'s text. @throws IrSyntaxError */
export const parseKernel = (text: string, sources?: SourceTable): Kernel => readKernel(new Reader(text, sources));

/** Reads one kernel. */
export function readKernel(reader: Reader): Kernel {
  reader.expect('kernel');
  const name = reader.symbol('@');
  const target = reader.choice(['gpu', 'cpu']);
  reader.expect('{');
  const buffers = readAll(reader, 'buffer', () => readBuffer(reader));
  const params = readAll(reader, 'param', () => readLocal(reader));
  const scalars = readAll(reader, 'scalar', () => ({
    name: readLocal(reader),
    type: reader.choice(['f32', 'i32', 'u32']),
  }));
  const arrays = readAll(reader, 'array', () => readArray(reader));
  reader.expect('workgroup');
  const [x = 1, y = 1, z = 1] = reader.list(';', () => reader.number());
  const body = readStatements(reader);
  return { name, target, buffers, params, scalars, arrays, workgroup: [x, y, z], body, origin: reader.origin() };
}

function readAll<Item>(reader: Reader, word: string, item: () => Item): Item[] {
  const items: Item[] = [];
  while (reader.accept(word)) items.push(item());
  return items;
}

const readBuffer = (reader: Reader): KernelBuffer => ({
  name: readLocal(reader),
  dtype: reader.choice(dtypes),
  access: reader.choice(['read', 'write', 'read_write']),
});

const readArray = (reader: Reader): KernelArray => ({
  name: readLocal(reader),
  space: reader.choice(['workgroup', 'private']),
  type: reader.choice(['f32', 'f16', 'i32', 'u32']),
  size: reader.number(),
});

// Statements up to a closing brace, which is taken.
function readStatements(reader: Reader): Statement[] {
  const body: Statement[] = [];
  while (!reader.accept('}')) body.push(readStatement(reader));
  return body;
}

function readStatement(reader: Reader): Statement {
  const word = reader.choice(['let', 'var', 'set', 'store', 'put', 'for', 'if', 'barrier', 'combine']);
  switch (word) {
    case 'let':
      return { kind: 'let', name: readLocal(reader), value: readAfter(reader, '=') };
    case 'var':
      return { kind: 'var', name: readLocal(reader), init: readAfter(reader, '=') };
    case 'set':
      return { kind: 'assign', name: readLocal(reader), value: readAfter(reader, '=') };
    case 'store':
      return { kind: 'store', buffer: readLocal(reader), ...readTarget(reader) };
    case 'put':
      return { kind: 'store-array', array: readLocal(reader), ...readTarget(reader) };
    case 'for':
      return readFor(reader);
    case 'if':
      return readIf(reader);
    case 'barrier':
      return { kind: 'barrier' };
    case 'combine':
      return readCombine(reader);
  }
}

function readAfter(reader: Reader, token: string) {
  reader.expect(token);
  return readKernelExpr(reader);
}

function readTarget(reader: Reader) {
  const index = readAfter(reader, '[');
  reader.expect(']');
  return { index, value: readAfter(reader, '=') };
}

function readFor(reader: Reader): Statement {
  const name = readLocal(reader);
  const [from, to] = [readAfter(reader, '='), readAfter(reader, 'to')];
  reader.expect('step');
  const step = reader.number();
  reader.expect('{');
  return { kind: 'for', name, from, to, step, body: readStatements(reader) };
}

function readCombine(reader: Reader): Statement {
  const name = readLocal(reader);
  reader.expect('by');
  const op = reader.choice(combineOps);
  reader.expect('over');
  const team = reader.number();
  reader.expect('in');
  return { kind: 'combine', name, op, team, array: readLocal(reader) };
}

function readIf(reader: Reader): Statement {
  const cond = readKernelExpr(reader);
  reader.expect('{');
  const then = readStatements(reader);
  if (!reader.accept('else')) return { kind: 'if', cond, then, otherwise: [] };
  reader.expect('{');
  return { kind: 'if', cond, then, otherwise: readStatements(reader) };
}
