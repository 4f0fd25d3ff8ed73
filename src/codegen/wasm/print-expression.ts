// Prints kernel expressions as WASM stack code. Integers follow the rules of the IR (x/0 = 0, x%0 = 0,
// MIN/-1 = MIN, shifts mod 32, saturating casts); min and max drop NaN; bool is 0/1 in scalars and an
// all-ones mask in vectors.
import type { KernelExpr, ScalarType } from '../../ir/kernel.ts';
import {
  castBool,
  classOf,
  compareWithZero,
  constantBytes,
  emitExtract,
  emitLoad,
  printConst,
  storageOf,
  zeroVector,
} from './emit-values.ts';
import { unsigned } from './encoder.ts';
import type { FunctionWriter } from './function-writer.ts';
import { binaryInstructions, op, unaryInstructions, wide } from './instructions.ts';

type Of<K extends KernelExpr['kind']> = Extract<KernelExpr, { readonly kind: K }>;
type Conversion = Extract<KernelExpr, { readonly kind: 'cast' | 'bitcast' }>;

/** Where the kernel's names live: base addresses as locals, constant scratch offsets. */
export interface AddressSpace {
  readonly writer: FunctionWriter;
  /** Local that holds the byte address of a buffer. */
  buffer(name: string): string;
  /** Local that holds the scratch address, and the byte offset of an array in it. */
  array(name: string): { readonly local: string; readonly offset: number };
}

/** Leaves the value of `e` on the stack. */
export function printExpression(e: KernelExpr, at: AddressSpace): void {
  const w = at.writer;
  switch (e.kind) {
    case 'const':
      return printConst(e, w);
    case 'name':
      return w.get(w.local(e.name, storageOf(e.type, e.width)));
    case 'param':
      return w.get(w.local(`param ${e.name}`, 'i32'));
    case 'scalar':
      return w.get(w.local(`scalar ${e.name}`, storageOf(e.type, 1)));
    case 'load':
      return printLoad(e, at);
    case 'load-array':
      return printArrayLoad(e, at);
    case 'unary':
      return printUnary(e, at);
    case 'binary':
      return printBinary(e, at);
    case 'madd':
      return printMadd(e, at);
    case 'select':
      return printSelect(e, at);
    case 'cast':
    case 'bitcast':
      return e.kind === 'cast' ? printCast(e, at) : printBitcast(e, at);
    case 'splat':
      return printSplat(e, at);
    case 'lane':
      return printLane(e, at);
    case 'shuffle':
      return printShuffle(e, at);
    case 'vector':
      return printVector(e, at);
    default:
      return unreachable(e);
  }
}

function unreachable(e: never): never {
  throw new RangeError(`unknown kernel expression ${JSON.stringify(e)}`);
}

/** Leaves base + 4·index (2·index of halves) on the stack. */
function printAddress(base: string, index: KernelExpr, at: AddressSpace, half = false): void {
  const w = at.writer;
  w.get(w.local(base, 'i32'));
  if (index.kind === 'const') {
    if (index.value === 0) return;
    w.i32(index.value * (half ? 2 : 4));
  } else {
    printExpression(index, at);
    w.i32(half ? 1 : 2);
    w.emit(op.i32Shl);
  }
  w.emit(op.i32Add);
}

/**
 * As {@link printAddress} for an element of a buffer: a constant summand of the index becomes the offset, where it is less
 * than the bytes at the start of memory that nothing lies in: the address without it is none below 0.
 */
export function printElementAddress(
  { buffer, index, half }: { readonly buffer: string; readonly index: KernelExpr; readonly half?: boolean },
  at: AddressSpace,
): number {
  const { rest, constant } = splitConstant(index);
  const isNear = constant < 256;
  printAddress(at.buffer(buffer), isNear ? rest : index, at, half);
  return isNear ? constant * (half ? 2 : 4) : 0;
}

/** As {@link printAddress} for an array; constant summands of the index (never below the array) become the offset. */
export function printArrayAddress(array: string, index: KernelExpr, at: AddressSpace): number {
  const { local, offset } = at.array(array);
  const { rest, constant } = splitConstant(index);
  printAddress(local, rest, at);
  return offset + 4 * constant;
}

function splitConstant(index: KernelExpr): { rest: KernelExpr; constant: number } {
  if (index.kind === 'const' && index.value >= 0) return { rest: { ...index, value: 0 }, constant: index.value };
  if (index.kind === 'binary' && index.op === 'add' && index.b.kind === 'const' && index.b.value >= 0) {
    return { rest: index.a, constant: index.b.value };
  }
  return { rest: index, constant: 0 };
}

function printLoad(e: Of<'load'>, at: AddressSpace): void {
  const w = at.writer;
  const offset = printElementAddress(e, at);
  if (e.half) return w.memory(e.width === 4 ? wide.load16x4S : op.i32Load16S, offset, 1);
  emitLoad(e.type, e.width, offset, w);
}

function printArrayLoad(e: Of<'load-array'>, at: AddressSpace): void {
  const offset = printArrayAddress(e.array, e.index, at);
  emitLoad(e.type, e.width, offset, at.writer);
}

/** Leaves the value as it lies in memory: a bool mask becomes 0 or 1. */
export function printStored(e: KernelExpr, at: AddressSpace): void {
  printExpression(e, at);
  if (e.type === 'bool' && e.width === 4) {
    printConst({ kind: 'const', type: 'i32', width: 4, value: 1 }, at.writer);
    at.writer.emit(...wide.and);
  }
}

function printUnary(e: Of<'unary'>, at: AddressSpace): void {
  const w = at.writer;
  const simple = unaryInstructions[`${e.op}:${classOf(e.type)}:${e.width}`];
  if (simple) {
    printExpression(e.x, at);
    return w.emit(...simple);
  }
  if (e.op === 'neg') {
    w.i32(0);
    printExpression(e.x, at);
    return w.emit(op.i32Sub);
  }
  if (e.op === 'not') {
    printExpression(e.x, at);
    w.i32(-1);
    return w.emit(op.i32Xor);
  }
  if (e.type === 'u32' && e.op === 'abs') return printExpression(e.x, at);
  if (e.type === 'i32' && e.op === 'abs') return printIntegerAbs(e, at);
  throw new RangeError(`${e.op} of ${e.type} has no WASM instruction: expand-math runs before printing`);
}

// (-x, x, x < 0) select
function printIntegerAbs(e: Of<'unary'>, at: AddressSpace): void {
  const w = at.writer;
  const x = w.temporary('i32');
  w.i32(0);
  printExpression(e.x, at);
  w.tee(x);
  w.emit(op.i32Sub);
  w.get(x);
  w.get(x);
  w.i32(0);
  w.emit(op.i32LtS, op.select);
  w.release(x);
}

function printBinary(e: Of<'binary'>, at: AddressSpace): void {
  const w = at.writer;
  const kind = classOf(e.a.type);
  const simple = binaryInstructions[`${e.op}:${kind}:${e.width}`];
  if (simple) {
    printExpression(e.a, at);
    printExpression(e.b, at);
    return w.emit(...simple);
  }
  if (e.op === 'lt' || e.op === 'le') return printBoolOrder(e, at);
  if (e.op === 'min' || e.op === 'max') return kind === 'f' ? printFloatExtremum(e, at) : printExtremum(e, at);
  if (e.width === 4) {
    const uniform = uniformAmount(e);
    return uniform ? printUniformShift(e, uniform, at) : printLaneByLane(e, at);
  }
  if (e.op === 'div' || e.op === 'rem') return printIntegerDivision(e, at);
  throw new RangeError(`${e.op} of ${e.a.type} has no WASM instruction: expand-math runs before printing`);
}

// false < true: a < b is !a && b; a <= b is !a || b.
function printBoolOrder(e: Of<'binary'>, at: AddressSpace): void {
  const not: KernelExpr = { kind: 'unary', type: 'bool', width: e.width, op: 'not', x: e.a };
  printExpression({ ...e, op: e.op === 'lt' ? 'and' : 'or', a: not }, at);
}

const isNumber = (e: KernelExpr): boolean =>
  (e.kind === 'const' && !Number.isNaN(e.value)) || (e.kind === 'splat' && isNumber(e.x));

// pmax(a, b) = a < b ? b : a keeps a where b is NaN; a itself must not be NaN.
function printFloatExtremum(e: Of<'binary'>, at: AddressSpace): void {
  if (e.width === 1) return printExtremum(e, at);
  const w = at.writer;
  const [first, second] = isNumber(e.b) ? [e.b, e.a] : [e.a, e.b];
  const pseudo = e.op === 'max' ? wide.f32Pmax : wide.f32Pmin;
  if (isNumber(first)) {
    printExpression(first, at);
    printExpression(second, at);
    return w.emit(...pseudo);
  }
  const [a, b] = printTemporaries([e.a, e.b], at);
  for (const local of [b, a, b]) w.get(local);
  w.emit(...pseudo);
  w.get(a);
  w.get(a);
  w.emit(...wide.f32Ne, ...wide.bitselect);
  w.release(a, b);
}

// b where b is beyond a, or a is NaN.
function printExtremum(e: Of<'binary'>, at: AddressSpace): void {
  const w = at.writer;
  const [a, b] = printTemporaries([e.a, e.b], at);
  w.get(b);
  w.get(a);
  for (const local of e.op === 'max' ? [a, b] : [b, a]) w.get(local);
  w.emit(...(binaryInstructions[`lt:${classOf(e.type)}:1`] ?? []));
  if (e.type === 'f32') {
    w.get(a);
    w.get(a);
    w.emit(op.f32Ne, op.i32Or);
  }
  w.emit(op.select);
  w.release(a, b);
}

type Locals<T extends readonly unknown[]> = { readonly [K in keyof T]: ReturnType<FunctionWriter['temporary']> };

function printTemporaries<const T extends readonly KernelExpr[]>(values: T, at: AddressSpace): Locals<T> {
  const locals = values.map((value) => {
    printExpression(value, at);
    const local = at.writer.temporary(storageOf(value.type, value.width));
    at.writer.set(local);
    return local;
  });
  return locals as unknown as Locals<T>;
}

/** The scalar shift amount of a vector shift, when all lanes share it. */
function uniformAmount(e: Of<'binary'>): KernelExpr | undefined {
  if (e.op !== 'shl' && e.op !== 'shr') return undefined;
  if (e.b.kind === 'splat') return e.b.x;
  return e.b.kind === 'const' ? { ...e.b, width: 1 } : undefined;
}

function printUniformShift(e: Of<'binary'>, amount: KernelExpr, at: AddressSpace): void {
  printExpression(e.a, at);
  printExpression(amount, at);
  at.writer.emit(...(e.op === 'shl' ? wide.i32Shl : e.type === 'i32' ? wide.i32ShrS : wide.i32ShrU));
}

const laneOf = (name: string, type: ScalarType, lane: 0 | 1 | 2 | 3): KernelExpr => ({
  kind: 'lane',
  type,
  width: 1,
  lane,
  x: { kind: 'name', type, width: 4, name },
});

function printLaneByLane(e: Of<'binary'>, at: AddressSpace): void {
  const w = at.writer;
  const [a, b] = printTemporaries([e.a, e.b], at);
  const [left, right] = [w.nameOf(a), w.nameOf(b)];
  zeroVector(w);
  for (const at4 of [0, 1, 2, 3] as const) {
    printExpression({ ...e, width: 1, a: laneOf(left, e.a.type, at4), b: laneOf(right, e.b.type, at4) }, at);
    w.emit(...(e.type === 'f32' ? wide.f32ReplaceLane : wide.i32ReplaceLane), at4);
  }
  w.release(a, b);
}

// Divisors 0 and -1 (signed) are special: a·b is 0 for the one and -a for the other.
function printIntegerDivision(e: Of<'binary'>, at: AddressSpace): void {
  const w = at.writer;
  const isSigned = e.type === 'i32';
  const instruction = e.op === 'div' ? (isSigned ? op.i32DivS : op.i32DivU) : isSigned ? op.i32RemS : op.i32RemU;
  if (e.b.kind === 'const' && e.b.value > 0) {
    printExpression(e.a, at);
    printExpression(e.b, at);
    return w.emit(instruction);
  }
  const [a, b] = printTemporaries([e.a, e.b], at);
  w.get(b);
  if (isSigned) {
    w.i32(1);
    w.emit(op.i32Add);
    w.i32(1);
    w.emit(op.i32LeU);
  } else w.emit(op.i32Eqz);
  w.emit(op.if, 0x7f);
  if (e.op === 'div') {
    w.get(a);
    w.get(b);
    w.emit(op.i32Mul);
  } else w.i32(0);
  w.emit(op.else);
  w.get(a);
  w.get(b);
  w.emit(instruction, op.end);
  w.release(a, b);
}

// `a b mul local.get(c) add`: the loader may turn a 4-lane site into a b nop nop nop c relaxed_madd.
function printMadd(e: Of<'madd'>, at: AddressSpace): void {
  const w = at.writer;
  printExpression(e.a, at);
  printExpression(e.b, at);
  if (e.width === 1 || e.c.kind !== 'name') {
    w.emit(...(e.width === 4 ? wide.f32Mul : [op.f32Mul]));
    printExpression(e.c, at);
    return w.emit(...(e.width === 4 ? wide.f32Add : [op.f32Add]));
  }
  w.maddSites.push(w.code.length);
  w.emit(...wide.f32Mul);
  printExpression(e.c, at);
  w.emit(...wide.f32Add);
}

const isSame = (a: KernelExpr, b: KernelExpr): boolean =>
  (a.kind === 'name' && b.kind === 'name' && a.name === b.name) ||
  (a.kind === 'const' && b.kind === 'const' && Object.is(a.value, b.value));

// All bits are 0.
const isZero = (e: KernelExpr): boolean => e.kind === 'const' && Object.is(e.value, 0);

// Operands [a, b] and instruction of a select that is pmax(a, b) = a < b ? b : a or pmin(a, b) = b < a ? b : a.
function pseudoExtremum({
  cond,
  then,
  otherwise,
}: Of<'select'>): [KernelExpr, KernelExpr, readonly number[]] | undefined {
  if (cond.kind !== 'binary' || cond.op !== 'lt' || cond.width !== 4 || cond.a.type !== 'f32') return undefined;
  const { a: low, b: high } = cond;
  if (isSame(then, high) && isSame(otherwise, low)) return [low, high, wide.f32Pmax];
  return isSame(then, low) && isSame(otherwise, high) ? [high, low, wide.f32Pmin] : undefined;
}

function printSelect(e: Of<'select'>, at: AddressSpace): void {
  const extremum = pseudoExtremum(e);
  if (extremum) {
    printExpression(extremum[0], at);
    printExpression(extremum[1], at);
    return at.writer.emit(...extremum[2]);
  }
  if (e.width === 4 && (isZero(e.then) || isZero(e.otherwise))) {
    printExpression(isZero(e.then) ? e.otherwise : e.then, at);
    printExpression(e.cond, at);
    return at.writer.emit(...(isZero(e.then) ? wide.andNot : wide.and));
  }
  printExpression(e.then, at);
  printExpression(e.otherwise, at);
  printExpression(e.cond, at);
  at.writer.emit(...(e.width === 4 ? wide.bitselect : [op.select]));
}

function printCast(e: Conversion, at: AddressSpace): void {
  const w = at.writer;
  printExpression(e.x, at);
  const [from, to] = [e.x.type, e.type];
  if (from === to) return;
  if (to === 'bool') return compareWithZero(from, e.width, w);
  if (from === 'bool') return castBool(to, e.width, w);
  if (from === 'f32') {
    const unsignedTarget = to === 'u32';
    if (e.width === 4) return w.emit(...(unsignedTarget ? wide.i32TruncSatU : wide.i32TruncSatS));
    return w.emit(...(unsignedTarget ? wide.i32TruncSatF32U : wide.i32TruncSatF32S));
  }
  if (to !== 'f32') return;
  if (e.width === 4) return w.emit(...(from === 'u32' ? wide.f32ConvertU : wide.f32ConvertS));
  w.emit(from === 'u32' ? op.f32ConvertI32U : op.f32ConvertI32S);
}

function printBitcast(e: Conversion, at: AddressSpace): void {
  printExpression(e.x, at);
  if (e.width === 4 || (e.type === 'f32') === (e.x.type === 'f32')) return;
  at.writer.emit(e.type === 'f32' ? op.f32ReinterpretI32 : op.i32ReinterpretF32);
}

function printSplat(e: Of<'splat'>, at: AddressSpace): void {
  const w = at.writer;
  const { x } = e;
  if (x.kind === 'const') return printConst({ ...x, width: 4 }, w);
  if (x.kind === 'load-array' && x.type === 'f32') {
    return w.memory(wide.load32Splat, printArrayAddress(x.array, x.index, at));
  }
  if (x.kind === 'load' && x.type !== 'bool' && !x.half) return w.memory(wide.load32Splat, printElementAddress(x, at));
  if (x.type === 'bool') w.i32(0);
  printExpression(x, at);
  if (x.type === 'bool') w.emit(op.i32Sub);
  w.emit(...(x.type === 'f32' ? wide.f32Splat : wide.i32Splat));
}

function printLane(e: Of<'lane'>, at: AddressSpace): void {
  printExpression(e.x, at);
  emitExtract(e.type, e.lane, at.writer);
}

function printShuffle(e: Of<'shuffle'>, at: AddressSpace): void {
  printExpression(e.a, at);
  printExpression(e.b, at);
  at.writer.emit(...wide.shuffle, ...e.lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => 4 * lane + byte)));
}

function printVector(e: Of<'vector'>, at: AddressSpace): void {
  const w = at.writer;
  const { lanes } = e;
  if (lanes.every((lane) => lane.kind === 'const')) {
    const bytes = lanes.flatMap((lane) => (lane.kind === 'const' ? constantBytes(e.type, 4, lane.value) : []));
    return w.emit(...wide.const, ...bytes);
  }
  printSplat({ kind: 'splat', type: e.type, width: 4, x: lanes[0] }, at);
  lanes.forEach((lane, index) => {
    if (index === 0) return;
    if (e.type === 'bool') w.i32(0);
    printExpression(lane, at);
    if (e.type === 'bool') w.emit(op.i32Sub);
    w.emit(...(e.type === 'f32' ? wide.f32ReplaceLane : wide.i32ReplaceLane), ...unsigned(index));
  });
}
