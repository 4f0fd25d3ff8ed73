// Instructions for values that are on the stack already: constants, loads from an address, lanes, casts.
import type { KernelExpr, ScalarType, Width } from '../../ir/kernel.ts';
import { f32Bytes, type ValueType } from './encoder.ts';
import type { FunctionWriter } from './function-writer.ts';
import { binaryInstructions, op, wide } from './instructions.ts';

/** The WASM type of a kernel value. */
export const storageOf = (type: ScalarType, width: Width): ValueType =>
  width === 4 ? 'v128' : type === 'f32' ? 'f32' : 'i32';

/** The class by which instructions are looked up. */
export const classOf = (type: ScalarType): 'f' | 's' | 'u' | 'b' =>
  type === 'f32' ? 'f' : type === 'i32' ? 's' : type === 'u32' ? 'u' : 'b';

/** The bytes of a constant, of one lane of it, as a vector holds it. */
export function constantBytes(type: ScalarType, width: Width, value: number): number[] {
  if (type === 'f32') return f32Bytes(value);
  const word = type === 'bool' ? (value === 0 ? 0 : width === 4 ? -1 : 1) : value | 0;
  return [...new Uint8Array(new Int32Array([word]).buffer)];
}

/** Leaves a constant on the stack. */
export function printConst(e: Extract<KernelExpr, { readonly kind: 'const' }>, w: FunctionWriter): void {
  const bytes = constantBytes(e.type, e.width, e.value);
  if (e.width === 4) w.emit(...wide.const, ...bytes, ...bytes, ...bytes, ...bytes);
  else if (e.type === 'f32') w.emit(op.f32Const, ...bytes);
  else w.i32(e.type === 'bool' ? Number(e.value !== 0) : e.value);
}

/** Loads from the address on the stack. A bool in memory is any word but 0. */
export function emitLoad(type: ScalarType, width: Width, offset: number, w: FunctionWriter): void {
  w.memory(width === 4 ? wide.load : type === 'f32' ? op.f32Load : op.i32Load, offset);
  if (type !== 'bool') return;
  if (width === 1) return w.emit(op.i32Eqz, op.i32Eqz);
  zeroVector(w);
  w.emit(...wide.i32Ne);
}

/** Leaves four zeros on the stack. */
export const zeroVector = (w: FunctionWriter): void => w.emit(...wide.const, ...Array<number>(16).fill(0));

/** Takes a lane of the vector on the stack; of a mask, as 0 or 1. */
export function emitExtract(type: ScalarType, lane: number, w: FunctionWriter): void {
  w.emit(...(type === 'f32' ? wide.f32ExtractLane : wide.i32ExtractLane), lane);
  if (type === 'bool') w.emit(op.i32Eqz, op.i32Eqz);
}

/** Turns the number on the stack into a bool. */
export function compareWithZero(from: ScalarType, width: Width, w: FunctionWriter): void {
  printConst({ kind: 'const', type: from, width, value: 0 }, w);
  w.emit(...(binaryInstructions[`ne:${classOf(from)}:${width}`] ?? []));
}

/** Turns the bool on the stack into a number. */
export function castBool(to: ScalarType, width: Width, w: FunctionWriter): void {
  if (width === 1) {
    if (to === 'f32') w.emit(op.f32ConvertI32U);
    return;
  }
  printConst({ kind: 'const', type: to, width: 4, value: 1 }, w);
  w.emit(...wide.and);
}
