// Prints one kernel as a WASM function (table, tid, n). The function reads addresses, params and the
// step record through its table, takes its share [begin, end) of the extent, and runs the body.
import { formOf } from '../../ir/kernel-key.ts';
import type { Kernel, KernelExpr, Statement } from '../../ir/kernel.ts';
import { memoize } from '../../support/memoize.ts';
import { signed, unsigned, type FunctionBody } from './encoder.ts';
import { storageOf, zeroVector } from './emit-values.ts';
import { FunctionWriter } from './function-writer.ts';
import { convertHalves } from './halves.ts';
import { inlineOnce } from './inline-once.ts';
import { op, wide } from './instructions.ts';
import type { Body, OutlinedCall, OutlinedFunction } from './outline.ts';
import {
  printElementAddress,
  printArrayAddress,
  printExpression,
  printStored,
  type AddressSpace,
} from './print-expression.ts';

/** A printed kernel; `maddSites` are offsets into its code. */
export interface PrintedKernel {
  readonly body: FunctionBody;
  readonly maddSites: readonly number[];
}

/** Bytes of scratch memory that one thread needs to run `kernel`. */
export const scratchOfKernel = (kernel: Kernel): number =>
  kernel.arrays.reduce((sum, array) => sum + roundUp(array.size * 4), 0);

const roundUp = (bytes: number): number => Math.ceil(bytes / 64) * 64;

/** The statements of `kernel` as they are printed, and its arrays in scratch memory. */
export const prepareKernel: (kernel: Kernel) => Body = memoize(
  (kernel) => {
    const offsets = new Map<string, number>();
    kernel.arrays.reduce((at, { name, size }) => (offsets.set(name, at), at + roundUp(size * 4)), 0);
    return { statements: inlineOnce(convertHalves(kernel)), arrayOffset: (name) => offsets.get(name) ?? 0 };
  },
  ({ body }) => body,
);

/** Which statements are calls, and the index of the first outlined function. */
export interface Calls {
  readonly calls: ReadonlyMap<Statement, OutlinedCall>;
  readonly first: number;
}

interface Printing extends AddressSpace, Calls {}

const printingOf = (writer: FunctionWriter, body: Body, calls: Calls): Printing => ({
  ...calls,
  writer,
  buffer: (name) => `buffer ${name}`,
  array: (name) => ({ local: 'scratch', offset: body.arrayOffset(name) }),
});

/** Prints a loop that several kernels share. */
export function printOutlined(f: OutlinedFunction, calls: Calls): PrintedKernel {
  const writer = new FunctionWriter(f.params);
  printItself(f.statement, printingOf(writer, f.body, calls));
  return { body: writer.finish(), maddSites: writer.maddSites };
}

/** Parameters of kernels and plans: the thread and their number where there may be several. */
export const parametersFor = (alone: boolean): { readonly name: string; readonly type: 'i32' }[] =>
  ['table', ...(alone ? [] : ['tid', 'n'])].map((name) => ({ name, type: 'i32' }));

/**
 * Prints `kernel`; thread `tid` uses the scratch bytes from tid·scratchBytes on. Without `scratchBytes`, one thread runs
 * all of it.
 */
export function printKernel(kernel: Kernel, body: Body, scratchBytes: number | undefined, calls: Calls): PrintedKernel {
  const writer = new FunctionWriter(parametersFor(scratchBytes === undefined));
  printPrologue(kernel, scratchBytes, writer);
  printStatements(body.statements, printingOf(writer, body, calls));
  return { body: writer.finish(), maddSites: writer.maddSites };
}

function printPrologue(kernel: Kernel, scratchBytes: number | undefined, w: FunctionWriter): void {
  let word = 0;
  const next = (name: string): void => {
    w.get(w.local('table', 'i32'));
    w.memory(op.i32Load, 4 * word++);
    w.set(w.local(name, 'i32'));
  };
  for (const { name } of kernel.buffers) next(`buffer ${name}`);
  for (const name of kernel.params) next(`param ${name}`);
  for (const { name, type } of kernel.scalars) {
    w.get(w.local('table', 'i32'));
    w.memory(op.i32Load, 4 * word++);
    w.memory(type === 'f32' ? op.f32Load : op.i32Load, 0);
    w.set(w.local(`scalar ${name}`, storageOf(type, 1)));
  }
  if (kernel.arrays.length > 0) next('scratch');
  // %begin is 0, as every local is at first.
  if (scratchBytes === undefined) return next('%end');
  if (kernel.arrays.length > 0) {
    w.get(w.local('scratch', 'i32'));
    w.get(w.local('tid', 'i32'));
    w.i32(scratchBytes);
    w.emit(op.i32Mul, op.i32Add);
    w.set(w.local('scratch', 'i32'));
  }
  next('extent');
  printShare(w);
}

// chunk = ⌈extent / n⌉; begin = min(tid·chunk, extent); end = min(begin + chunk, extent).
function printShare(w: FunctionWriter): void {
  const [extent, n, tid] = [w.local('extent', 'i32'), w.local('n', 'i32'), w.local('tid', 'i32')];
  const [chunk, begin, end] = [w.local('chunk', 'i32'), w.local('%begin', 'i32'), w.local('%end', 'i32')];
  w.get(extent);
  w.get(n);
  w.emit(op.i32Add);
  w.i32(1);
  w.emit(op.i32Sub);
  w.get(n);
  w.emit(op.i32DivS);
  w.tee(chunk);
  w.get(tid);
  w.emit(op.i32Mul);
  printMin(begin, extent, w);
  w.get(begin);
  w.get(chunk);
  w.emit(op.i32Add);
  printMin(end, extent, w);
}

// into = min(top of stack, limit)
function printMin(into: ReturnType<FunctionWriter['local']>, limit: typeof into, w: FunctionWriter): void {
  w.tee(into);
  for (const local of [limit, into, limit]) w.get(local);
  w.emit(op.i32LtS, op.select);
  w.set(into);
}

// What a list defines is dead after it, so its locals serve again.
function printStatements(body: readonly Statement[], at: Printing): void {
  const end = at.writer.scope();
  for (const statement of body) printStatement(statement, at);
  end();
}

function printStatement(s: Statement, at: Printing): void {
  const call = at.calls.get(s);
  if (!call) return printItself(s, at);
  const w = at.writer;
  for (const { name, type } of call.args) w.get(w.local(name, type));
  w.emit(op.call, ...unsigned(at.first + call.id));
}

function printItself(s: Statement, at: Printing): void {
  switch (s.kind) {
    case 'let':
      return printAssign(s.name, s.value, at);
    case 'var':
      return printAssign(s.name, s.init, at);
    case 'assign':
      return printAssign(s.name, s.value, at);
    case 'store':
      return printStore(s, at);
    case 'store-array':
      return printArrayStore(s, at);
    case 'for':
      return printFor(s, at);
    case 'if':
      return printIf(s, at);
    case 'barrier':
    case 'combine':
      throw new RangeError(`a ${s.kind} in a CPU kernel`);
  }
}

function printAssign(name: string, value: KernelExpr, at: AddressSpace): void {
  printExpression(value, at);
  at.writer.set(at.writer.local(name, storageOf(value.type, value.width), formOf(value)));
}

function printStore(s: Extract<Statement, { kind: 'store' }>, at: AddressSpace): void {
  const w = at.writer;
  const offset = printElementAddress(s, at);
  if (s.half) return printHalves(s.value, offset, at);
  printStored(s.value, at);
  w.memory(s.value.width === 4 ? wide.store : s.value.type === 'f32' ? op.f32Store : op.i32Store, offset);
}

// The low 16 bits of an i32, or of four.
function printHalves(value: KernelExpr, offset: number, at: AddressSpace): void {
  const w = at.writer;
  printExpression(value, at);
  if (value.width === 1) return w.memory(op.i32Store16, offset, 1);
  zeroVector(w);
  w.emit(...wide.i16NarrowU);
  w.memory(wide.store64Lane, offset, 1);
  w.emit(0);
}

function printArrayStore(s: Extract<Statement, { kind: 'store-array' }>, at: AddressSpace): void {
  const w = at.writer;
  const offset = printArrayAddress(s.array, s.index, at);
  if (s.value.kind === 'lane' && s.value.type !== 'bool') {
    printExpression(s.value.x, at);
    w.memory(wide.store32Lane, offset);
    return w.emit(s.value.lane);
  }
  printStored(s.value, at);
  w.memory(s.value.width === 4 ? wide.store : s.value.type === 'f32' ? op.f32Store : op.i32Store, offset);
}

// The test is at the bottom: if (i < to) do { … } while ((i += step) < to)
function printFor(s: Extract<Statement, { kind: 'for' }>, at: Printing): void {
  const w = at.writer;
  const i = w.local(s.name, 'i32', `for ${s.step}`);
  const { limit, release } = printLimit(s.to, at);
  printExpression(s.from, at);
  w.tee(i);
  limit();
  w.emit(op.i32LtS, op.if, 0x40, op.loop, 0x40);
  printStatements(s.body, at);
  w.get(i);
  w.emit(op.i32Const, ...signed(s.step), op.i32Add);
  w.tee(i);
  limit();
  w.emit(op.i32LtS, op.brIf, 0, op.end, op.end);
  release();
}

// The upper bound is evaluated once, unless reading it again costs nothing.
function printLimit(to: KernelExpr, at: AddressSpace): { limit: () => void; release: () => void } {
  const isFree = to.kind === 'const' || to.kind === 'param' || to.kind === 'name';
  if (isFree) return { limit: () => printExpression(to, at), release: () => undefined };
  const w = at.writer;
  printExpression(to, at);
  const local = w.temporary('i32');
  w.set(local);
  return { limit: () => w.get(local), release: () => w.release(local) };
}

function printIf(s: Extract<Statement, { kind: 'if' }>, at: Printing): void {
  const w = at.writer;
  printExpression(s.cond, at);
  w.emit(op.if, 0x40);
  printStatements(s.then, at);
  if (s.otherwise.length > 0) {
    w.emit(op.else);
    printStatements(s.otherwise, at);
  }
  w.emit(op.end);
}
