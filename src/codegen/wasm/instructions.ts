// Opcodes that the printer uses, and the table from scalar ops to instructions.
// https://webassembly.github.io/spec/core/appendix/index-instructions.html
import { unsigned } from './encoder.ts';

const simd = (opcode: number): readonly number[] => [0xfd, ...unsigned(opcode)];

/** Control, locals and scalar instructions. */
export const op = {
  block: 0x02, loop: 0x03, if: 0x04, else: 0x05, end: 0x0b, br: 0x0c, brIf: 0x0d, call: 0x10,
  select: 0x1b, localGet: 0x20, localSet: 0x21, localTee: 0x22,
  i32Load: 0x28, f32Load: 0x2a, i32Store: 0x36, f32Store: 0x38, i32Const: 0x41, f32Const: 0x43,
  i32Eqz: 0x45, i32Eq: 0x46, i32Ne: 0x47, i32LtS: 0x48, i32LtU: 0x49, i32LeS: 0x4c, i32LeU: 0x4d, i32GeU: 0x4f,
  f32Eq: 0x5b, f32Ne: 0x5c, f32Lt: 0x5d, f32Le: 0x5f,
  i32Add: 0x6a, i32Sub: 0x6b, i32Mul: 0x6c, i32DivS: 0x6d, i32DivU: 0x6e, i32RemS: 0x6f, i32RemU: 0x70,
  i32And: 0x71, i32Or: 0x72, i32Xor: 0x73, i32Shl: 0x74, i32ShrS: 0x75, i32ShrU: 0x76,
  f32Abs: 0x8b, f32Neg: 0x8c, f32Ceil: 0x8d, f32Floor: 0x8e, f32Trunc: 0x8f, f32Nearest: 0x90, f32Sqrt: 0x91,
  f32Add: 0x92, f32Sub: 0x93, f32Mul: 0x94, f32Div: 0x95,
  f32ConvertI32S: 0xb2, f32ConvertI32U: 0xb3, i32ReinterpretF32: 0xbc, f32ReinterpretI32: 0xbe,
} as const;

/** Multi-byte instructions. */
export const wide = {
  i32TruncSatF32S: [0xfc, 0], i32TruncSatF32U: [0xfc, 1],
  memoryCopy: [0xfc, 10, 0, 0], memoryFill: [0xfc, 11, 0],
  load: simd(0), load32Splat: simd(9), store: simd(11), store32Lane: simd(90),
  const: simd(12), i32Splat: simd(17), f32Splat: simd(19),
  i32ExtractLane: simd(27), i32ReplaceLane: simd(28), f32ExtractLane: simd(31), f32ReplaceLane: simd(32),
  i32Eq: simd(55), i32Ne: simd(56), i32LtS: simd(57), i32LtU: simd(58), i32LeS: simd(61), i32LeU: simd(62),
  f32Eq: simd(65), f32Ne: simd(66), f32Lt: simd(67), f32Le: simd(69),
  not: simd(77), and: simd(78), or: simd(80), xor: simd(81), bitselect: simd(82),
  f32Ceil: simd(103), f32Floor: simd(104), f32Trunc: simd(105), f32Nearest: simd(106),
  i32Abs: simd(160), i32Neg: simd(161), i32Shl: simd(171), i32ShrS: simd(172), i32ShrU: simd(173),
  i32Add: simd(174), i32Sub: simd(177), i32Mul: simd(181),
  i32MinS: simd(182), i32MinU: simd(183), i32MaxS: simd(184), i32MaxU: simd(185),
  f32Abs: simd(224), f32Neg: simd(225), f32Sqrt: simd(227),
  f32Add: simd(228), f32Sub: simd(229), f32Mul: simd(230), f32Div: simd(231), f32Pmin: simd(234), f32Pmax: simd(235),
  i32TruncSatS: simd(248), i32TruncSatU: simd(249), f32ConvertS: simd(250), f32ConvertU: simd(251),
} as const satisfies Record<string, readonly number[]>;

/** Simple one-instruction unary ops: `<op>:<class>:<width>`, class f (f32), i (i32, u32) or b (bool). */
export const unaryInstructions: Readonly<Record<string, readonly number[]>> = {
  'neg:f:1': [op.f32Neg], 'abs:f:1': [op.f32Abs], 'ceil:f:1': [op.f32Ceil], 'floor:f:1': [op.f32Floor],
  'round:f:1': [op.f32Nearest], 'sqrt:f:1': [op.f32Sqrt], 'not:b:1': [op.i32Eqz],
  'neg:f:4': wide.f32Neg, 'abs:f:4': wide.f32Abs, 'ceil:f:4': wide.f32Ceil, 'floor:f:4': wide.f32Floor,
  'round:f:4': wide.f32Nearest, 'sqrt:f:4': wide.f32Sqrt,
  'not:b:4': wide.not, 'not:s:4': wide.not, 'not:u:4': wide.not,
  'neg:s:4': wide.i32Neg, 'neg:u:4': wide.i32Neg, 'abs:s:4': wide.i32Abs,
};

/** Simple one-instruction binary ops: class f, s (i32), u (u32) or b of the operands. */
export const binaryInstructions: Readonly<Record<string, readonly number[]>> = {
  'add:f:1': [op.f32Add], 'sub:f:1': [op.f32Sub], 'mul:f:1': [op.f32Mul], 'div:f:1': [op.f32Div],
  'lt:f:1': [op.f32Lt], 'le:f:1': [op.f32Le], 'eq:f:1': [op.f32Eq], 'ne:f:1': [op.f32Ne],
  'add:f:4': wide.f32Add, 'sub:f:4': wide.f32Sub, 'mul:f:4': wide.f32Mul, 'div:f:4': wide.f32Div,
  'lt:f:4': wide.f32Lt, 'le:f:4': wide.f32Le, 'eq:f:4': wide.f32Eq, 'ne:f:4': wide.f32Ne,
  ...integers('s', [op.i32LtS], [op.i32LeS], [op.i32ShrS], wide.i32LtS, wide.i32LeS),
  ...integers('u', [op.i32LtU], [op.i32LeU], [op.i32ShrU], wide.i32LtU, wide.i32LeU),
  'min:s:4': wide.i32MinS, 'max:s:4': wide.i32MaxS, 'min:u:4': wide.i32MinU, 'max:u:4': wide.i32MaxU,
  'eq:b:1': [op.i32Eq], 'ne:b:1': [op.i32Ne], 'and:b:1': [op.i32And], 'or:b:1': [op.i32Or], 'xor:b:1': [op.i32Xor],
  'min:b:1': [op.i32And], 'max:b:1': [op.i32Or],
  'ne:b:4': wide.xor, 'and:b:4': wide.and, 'or:b:4': wide.or, 'xor:b:4': wide.xor, 'eq:b:4': wide.i32Eq,
  'min:b:4': wide.and, 'max:b:4': wide.or,
};

function integers(
  sign: 's' | 'u', lt: readonly number[], le: readonly number[], shr: readonly number[],
  lt4: readonly number[], le4: readonly number[],
): Record<string, readonly number[]> {
  return {
    [`add:${sign}:1`]: [op.i32Add], [`sub:${sign}:1`]: [op.i32Sub], [`mul:${sign}:1`]: [op.i32Mul],
    [`and:${sign}:1`]: [op.i32And], [`or:${sign}:1`]: [op.i32Or], [`xor:${sign}:1`]: [op.i32Xor],
    [`shl:${sign}:1`]: [op.i32Shl], [`shr:${sign}:1`]: shr,
    [`eq:${sign}:1`]: [op.i32Eq], [`ne:${sign}:1`]: [op.i32Ne], [`lt:${sign}:1`]: lt, [`le:${sign}:1`]: le,
    [`add:${sign}:4`]: wide.i32Add, [`sub:${sign}:4`]: wide.i32Sub, [`mul:${sign}:4`]: wide.i32Mul,
    [`and:${sign}:4`]: wide.and, [`or:${sign}:4`]: wide.or, [`xor:${sign}:4`]: wide.xor,
    [`eq:${sign}:4`]: wide.i32Eq, [`ne:${sign}:4`]: wide.i32Ne, [`lt:${sign}:4`]: lt4, [`le:${sign}:4`]: le4,
  };
}
