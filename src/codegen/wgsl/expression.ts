// Kernel expressions as WGSL text. Expressions whose operands are all constant are kept from being
// evaluated by the WGSL compiler, which refuses overflow that the kernel would simply compute.
import type { BinaryOp, UnaryOp } from '../../ir/expr.ts';
import type { Kernel, KernelExpr, ScalarType, Statement, Width } from '../../ir/kernel.ts';
import { CompilerBug } from '../../support/diagnostic.ts';
import { integerDivision, saturatingCast, type SupportFunction } from './functions.ts';
import { builtIns, constantText, localName, typeName } from './names.ts';
import { kernelOperands } from '../../ir/kernel-rewrite.ts';

type Of<K extends KernelExpr['kind']> = Extract<KernelExpr, { kind: K }>;

const infix: Partial<Record<BinaryOp, string>> = {
  add: '+',
  sub: '-',
  mul: '*',
  div: '/',
  rem: '%',
  lt: '<',
  le: '<=',
  eq: '==',
  ne: '!=',
};
const bitwise: Partial<Record<BinaryOp, string>> = { and: '&', or: '|', xor: '^' };
const calls: Partial<Record<UnaryOp, string>> = {
  abs: 'abs',
  sign: 'sign',
  sqrt: 'sqrt',
  rsqrt: 'inverseSqrt',
  exp: 'exp',
  floor: 'floor',
  ceil: 'ceil',
  round: 'round',
};

/** The line from which the host writes what combines the variables `name` of a team: up to their other operand. */
export function combineText(name: string, { op, team, array }: Extract<Statement, { kind: 'combine' }>): string {
  const symbol = infix[op] ?? bitwise[op];
  return `combine ${name},${array},${team},${symbol ? `${name}${symbol}(` : `${op}(${name},`}`;
}

/** Prints the expressions of one kernel and collects the declarations that they need. */
export class ExpressionPrinter {
  private readonly functions = new Map<string, string>();
  private readonly constants = new Map<string, string>();
  private readonly params: ReadonlyMap<string, number>;
  private readonly dtypes: ReadonlyMap<string, string>;
  private temporaries = 0;

  constructor(
    kernel: Kernel,
    private readonly isVector: (memory: string) => boolean,
  ) {
    const words = [...kernel.params, ...kernel.scalars.map((scalar) => scalar.name)];
    this.params = new Map(words.map((name, at) => [name, at]));
    this.dtypes = new Map([
      ...kernel.buffers.map(({ name, dtype }) => [name, dtype] as const),
      ...kernel.arrays.map(({ name, type }) => [name, type] as const),
    ]);
  }

  /** Module-scope declarations that the printed expressions use. */
  declarations(): string[] {
    return [...this.constants]
      .map(([text, name]) => `var<private> ${name} = ${text};`)
      .concat([...this.functions.values()]);
  }

  /** A local name that no kernel uses. */
  temporary(): string {
    return `t_${this.temporaries++}`;
  }

  /** The text without outer parentheses. */
  bare(e: KernelExpr): string {
    const text = this.text(e);
    return e.kind === 'binary' && text.startsWith('(') ? text.slice(1, -1) : text;
  }

  text(e: KernelExpr): string {
    switch (e.kind) {
      case 'const':
        return e.width === 4
          ? `${typeName(e.type, 4)}(${constantText(e.type, e.value)})`
          : constantText(e.type, e.value);
      case 'name':
        return this.name(e);
      case 'param':
        return this.word(e.name);
      case 'scalar':
        return this.scalar(e);
      case 'load':
        return this.load(e);
      case 'load-array':
        return this.loadArray(e);
      case 'unary':
        return this.unary(this.unfolded(e));
      case 'binary':
        return this.binary(this.unfolded(e));
      case 'madd':
        return this.madd(this.unfolded(e));
      case 'select':
        return `select(${this.text(e.otherwise)}, ${this.text(e.then)}, ${this.condition(e.cond)})`;
      case 'cast':
        return this.cast(this.unfolded(e));
      case 'bitcast':
        return `bitcast<${typeName(e.type, e.width)}>(${this.text(this.unfolded(e).x)})`;
      case 'splat':
        return `${typeName(e.type, 4)}(${this.text(e.x)})`;
      case 'lane':
        return `${this.text(e.x)}.${'xyzw'[e.lane] ?? 'x'}`;
      case 'shuffle': {
        const [a, b] = [this.text(e.a), this.text(e.b)];
        const lanes = e.lanes.map((lane) => `${lane < 4 ? a : b}.${'xyzw'[lane % 4] ?? 'x'}`);
        return `${typeName(e.type, 4)}(${lanes.join(', ')})`;
      }
      case 'vector':
        return `${typeName(e.type, 4)}(${e.lanes.map((lane) => this.text(lane)).join(', ')})`;
    }
  }

  /** index / 4, for memory declared as vectors. */
  quarter(index: KernelExpr): string {
    if (index.kind === 'const' && index.value % 4 === 0) return constantText('i32', index.value / 4);
    if (index.kind === 'binary' && index.op === 'mul') {
      if (index.b.kind === 'const' && index.b.value === 4) return this.bare(index.a);
      if (index.a.kind === 'const' && index.a.value === 4) return this.bare(index.b);
    }
    return `${this.text(index)} >> 2u`;
  }

  // One condition for four lanes stays one condition.
  private condition(cond: KernelExpr): string {
    return cond.kind === 'splat' ? this.bare(cond.x) : this.bare(cond);
  }

  private name(e: Of<'name'>): string {
    return builtIns.get(e.name) ?? localName(e.name);
  }

  private word(name: string): string {
    const at = this.params.get(name);
    if (at === undefined) throw new CompilerBug(`the kernel has no parameter ${name}`);
    return `p[${at >> 2}].${'xyzw'[at & 3] ?? 'x'}`;
  }

  private scalar(e: Of<'scalar'>): string {
    const word = this.word(e.name);
    return e.type === 'u32' ? `S(${word})` : `bitcast<${e.type}>(S(${word}))`;
  }

  /** A call that the host writes for the device (src/runtime/halves.ts). */
  private loadHalves({ buffer, index, width }: Of<'load'>): string {
    return `${buffer}_load${width === 4 ? 4 : ''}(${this.bare(index)})`;
  }

  /** The same for a store. */
  storeHalves({ buffer, index, value }: Extract<Statement, { kind: 'store' }>): string {
    return `${buffer}_store${value.width === 4 ? 4 : ''}(${this.bare(index)}, ${this.bare(value)});`;
  }

  private load(e: Of<'load'>): string {
    if (this.dtypes.get(e.buffer) === 'f16') return this.loadHalves(e);
    if (this.dtypes.get(e.buffer) !== 'bool') return this.element(e.buffer, e.index, e.type, e.width);
    const zero = e.width === 4 ? 'vec4u(0u)' : '0u';
    return `(${this.element(e.buffer, e.index, 'u32', e.width)} != ${zero})`;
  }

  private loadArray(e: Of<'load-array'>): string {
    const text = this.element(e.array, e.index, e.type, e.width);
    return this.dtypes.get(e.array) === 'f16' ? `${typeName(e.type, e.width)}(${text})` : text;
  }

  private element(memory: string, index: KernelExpr, type: ScalarType, width: Width): string {
    if (this.isVector(memory)) {
      if (width === 4) return `${memory}[${this.quarter(index)}]`;
      const at = this.text(index);
      return `${memory}[${at} >> 2u][${at} & 3]`;
    }
    if (width === 1) return `${memory}[${this.bare(index)}]`;
    const at = this.text(index);
    return `${typeName(type, 4)}(${[0, 1, 2, 3].map((lane) => `${memory}[${at} + ${lane}]`).join(', ')})`;
  }

  private unary(e: Of<'unary'>): string {
    const x = this.text(e.x);
    const type = typeName(e.type, e.width);
    if (e.op === 'neg') return e.type === 'u32' ? `(${type}(0u) - ${x})` : `(-${x})`;
    if (e.op === 'not') return e.type === 'bool' ? `(!${x})` : `(~${x})`;
    if (e.op === 'recip') return `(${type}(1.0) / ${x})`;
    if (e.op === 'sign' && e.type === 'u32') return `min(${x}, ${type}(1u))`;
    if ((e.op === 'floor' || e.op === 'ceil' || e.op === 'round') && e.type !== 'f32') return x;
    const call = calls[e.op];
    if (!call) throw new CompilerBug(`WGSL has no accurate ${e.op}: it must be expanded before printing`);
    return `${call}(${x})`;
  }

  private binary(e: Of<'binary'>): string {
    if (isWorkgroupNumber(e)) return 'W';
    const [a, b] = [this.operand(e, 'a'), this.operand(e, 'b')];
    const { op } = e;
    if (op === 'min' || op === 'max')
      return e.type === 'bool' ? `(${a} ${op === 'min' ? '&' : '|'} ${b})` : `${op}(${a}, ${b})`;
    if (op === 'shl' || op === 'shr') return `(${a} ${op === 'shl' ? '<<' : '>>'} ${this.shift(e.b)})`;
    if ((op === 'div' || op === 'rem') && (e.type === 'i32' || e.type === 'u32'))
      return this.division(op, e.type, e, a, b);
    if (op === 'xor' && e.type === 'bool') return `(${a} != ${b})`;
    if (arithmetic.has(op) && e.width === 4 && e.type !== 'bool') return this.mixed(e);
    const symbol = infix[op] ?? bitwise[op];
    if (!symbol) throw new CompilerBug(`WGSL has no accurate ${op}: it must be expanded before printing`);
    return `(${a} ${symbol} ${b})`;
  }

  // Without parentheses where precedence says the same: products in sums, sums and products from the left.
  private operand({ op, a, b }: Of<'binary'>, side: 'a' | 'b'): string {
    const x = side === 'a' ? a : b;
    const text = this.text(x);
    if (x.kind !== 'binary' || !text.startsWith('(')) return text;
    const binds = precedence(op) > 0 && precedence(x.op) > precedence(op) - (side === 'a' ? 1 : 0);
    return binds ? text.slice(1, -1) : text;
  }

  // WGSL widens a scalar operand of vector arithmetic by itself, as long as the other is a vector.
  private mixed(e: Of<'binary'>): string {
    const symbol = infix[e.op] ?? '';
    const [a, b] = [narrowed(e.a), narrowed(e.b)];
    if (a && b) return `(${this.text(e.a)} ${symbol} ${this.text(b)})`;
    const narrow = { ...e, a: a ?? e.a, b: b ?? e.b };
    return `(${this.operand(narrow, 'a')} ${symbol} ${this.operand(narrow, 'b')})`;
  }

  // Divisors that are extents or constants are positive; others need the rules for 0 and −1.
  private division(op: 'div' | 'rem', type: 'i32' | 'u32', e: Of<'binary'>, a: string, b: string): string {
    const safe = e.b.kind === 'param' || (e.b.kind === 'const' && e.b.value > 0);
    if (safe) return `(${a} ${op === 'div' ? '/' : '%'} ${b})`;
    return `${this.support(integerDivision(op, type, e.width))}(${a}, ${b})`;
  }

  private shift(by: KernelExpr): string {
    if (by.kind === 'const') {
      const amount = `${by.value & 31}u`;
      return by.width === 4 ? `vec4u(${amount})` : amount;
    }
    const unsigned = by.type === 'u32' ? this.text(by) : `${typeName('u32', by.width)}(${this.text(by)})`;
    return `(${unsigned} & ${by.width === 4 ? 'vec4u(31u)' : '31u'})`;
  }

  private madd(e: Of<'madd'>): string {
    return `fma(${this.text(e.a)}, ${this.text(e.b)}, ${this.text(e.c)})`;
  }

  private cast(e: Of<'cast' | 'bitcast'>): string {
    const x = this.text(e.x);
    if (e.x.type === 'f32' && (e.type === 'i32' || e.type === 'u32'))
      return `${this.support(saturatingCast(e.type, e.width))}(${x})`;
    return `${typeName(e.type, e.width)}(${x})`;
  }

  private support({ name, text }: SupportFunction): string {
    this.functions.set(name, text);
    return name;
  }

  // Puts the first operand of an all-constant operation into a private variable.
  private unfolded<E extends Of<'unary'> | Of<'binary'> | Of<'madd'> | Of<'cast' | 'bitcast'>>(e: E): E {
    const operands = kernelOperands(e);
    if (!operands.every(isConstant)) return e;
    const [first] = operands;
    if (!first) return e;
    const text = this.text(first);
    const name = this.constants.get(text) ?? `c_${this.constants.size}`;
    this.constants.set(text, name);
    const held: KernelExpr = { kind: 'name', type: first.type, width: first.width, name };
    return 'x' in e ? { ...e, x: held } : { ...e, a: held };
  }
}

// Of the operators that may stand beside each other without parentheses; 0 for others.
const precedence = (op: BinaryOp): number =>
  op === 'add' || op === 'sub' ? 1 : op === 'mul' || op === 'div' || op === 'rem' ? 2 : 0;

const isNamed = (e: KernelExpr, name: string): boolean => e.kind === 'name' && e.name === name;

// %wx + %wy · %nx, which the entry point computes first.
const isWorkgroupNumber = ({ op, a, b }: Of<'binary'>): boolean =>
  op === 'add' && isNamed(a, '%wx') && b.kind === 'binary' && isNamed(b.a, '%wy') && isNamed(b.b, '%nx');

const arithmetic: ReadonlySet<BinaryOp> = new Set(['add', 'sub', 'mul', 'div']);

// The scalar that all lanes of a vector are, if it is written as one.
function narrowed(e: KernelExpr): KernelExpr | undefined {
  if (e.kind === 'splat') return e.x;
  return e.kind === 'const' ? { ...e, width: 1 } : undefined;
}

const isConstant = (e: KernelExpr): boolean =>
  e.kind === 'const' ||
  ((e.kind === 'splat' || e.kind === 'vector' || e.kind === 'lane' || e.kind === 'select') &&
    kernelOperands(e).every(isConstant));
