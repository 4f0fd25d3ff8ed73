// Kernel IR → WGSL. Storage buffer i is binding i of group 0 with the access that the host gives it;
// then one uniform of params (and the places of step scalars in the step record), then the record.
// Declarations of bindings and the head of the entry point are the same in every kernel: the host writes them. How
// teams combine what they have, and how f16 lies in memory, depends on the device: the host writes that too
// (src/runtime/combine.ts, src/runtime/halves.ts).
import type { DType } from '../../ir/dtype.ts';
import type { Kernel, KernelExpr, Statement } from '../../ir/kernel.ts';
import { CompilerBug } from '../../support/diagnostic.ts';
import { memoize } from '../../support/memoize.ts';
import { combineText, ExpressionPrinter } from './expression.ts';
import { localName, typeName } from './names.ts';
import { numberBuffers, tidy } from './tidy.ts';
import { accessesOf, isVectorMemory, type Accesses } from './storage.ts';

/** How a storage binding is declared. */
export type BindingAccess = 'read' | 'read_write';

/** A printed kernel: its bindings as letters, invocations of a workgroup, and statements with what follows them. */
export type PrintedShader = readonly [bindings: string, invocations: number, code: string];

// The letter of an element's type in the bindings of a shader.
const letters: Readonly<Record<DType, string>> = { f32: 'f', f16: 'h', i32: 'i', u32: 'u', bool: 'u' };

class KernelPrinter {
  private readonly lines: string[] = [];
  private readonly accesses: ReadonlyMap<string, Accesses>;
  private readonly expressions: ExpressionPrinter;
  private readonly halves: ReadonlySet<string>;

  constructor(
    private readonly kernel: Kernel,
    private readonly access: readonly BindingAccess[],
    private readonly layout: (text: string) => string,
  ) {
    this.accesses = accessesOf(kernel);
    this.halves = new Set(kernel.buffers.filter(({ dtype }) => dtype === 'f16').map(({ name }) => name));
    this.expressions = new ExpressionPrinter(kernel, (name) => this.isVector(name));
  }

  private isVector(memory: string): boolean {
    return isVectorMemory(this.accesses.get(memory));
  }

  print(): PrintedShader {
    this.block(this.kernel.body, 0);
    const main = [...this.privateArrays(), ...this.lines, '}'];
    const after = [...this.workgroupArrays(), ...this.expressions.declarations()];
    const [invocations, ...more] = this.kernel.workgroup;
    if (more.some((size) => size !== 1)) throw new CompilerBug(`${this.kernel.name}: workgroups have one dimension`);
    const code = this.layout([...main, ...after, ''].join('\n'));
    return [this.bindings(), invocations, this.unused(code) + code];
  }

  // The layout of a pipeline has the bindings that its text names.
  private unused(code: string): string {
    const { buffers, params, scalars } = this.kernel;
    const names = [
      ...buffers.map((_, at) => `b${at}`),
      ...(params.length + scalars.length > 0 ? ['p'] : []),
      ...(scalars.length > 0 ? ['step'] : []),
    ];
    const isNamed = (name: string): boolean => new RegExp(name === 'step' ? '\\bS\\(' : `\\b${name}(\\b|_)`).test(code);
    return names.flatMap((name) => (isNamed(name) ? [] : [`_=&${name};\n`])).join('');
  }

  // For each buffer the access and the letter of its type; p for params, s for the step record.
  private bindings(): string {
    const { buffers, params, scalars } = this.kernel;
    const storage = buffers.map((buffer, at) => {
      const access = this.access[at];
      if (!access) throw new CompilerBug(`kernel ${this.kernel.name} has no access for binding ${at}`);
      const letter = letters[buffer.dtype];
      const vector = this.isVector(buffer.name);
      return (access === 'read' ? 'r' : 'w') + (vector ? letter.toUpperCase() : letter);
    });
    return `${storage.join('')}${params.length + scalars.length > 0 ? 'p' : ''}${scalars.length > 0 ? 's' : ''}`;
  }

  private arrayType(array: Kernel['arrays'][number]): string {
    const vector = isVectorMemory(this.accesses.get(array.name));
    if (array.type === 'f16' && !vector) throw new CompilerBug(`${array.name} of f16 is not stored in vectors`);
    const type = array.type === 'f16' ? 'half4' : typeName(array.type, vector ? 4 : 1);
    return `array<${type}, ${vector ? array.size / 4 : array.size}>`;
  }

  private workgroupArrays(): string[] {
    const shared = this.kernel.arrays.filter((array) => array.space === 'workgroup');
    return shared.map((array) => `var<workgroup> ${array.name}: ${this.arrayType(array)};`);
  }

  private privateArrays(): string[] {
    const own = this.kernel.arrays.filter((array) => array.space === 'private');
    return own.map((array) => `var ${array.name}: ${this.arrayType(array)};`);
  }

  private isOfHalves(array: string): boolean {
    return this.kernel.arrays.some(({ name, type }) => name === array && type === 'f16');
  }

  private block(body: readonly Statement[], depth: number): void {
    for (const statement of body) this.statement(statement, depth);
  }

  private line(depth: number, text: string): void {
    this.lines.push('  '.repeat(depth) + text);
  }

  private statement(s: Statement, depth: number): void {
    const text = (e: KernelExpr): string => this.expressions.bare(e);
    switch (s.kind) {
      case 'let':
        return this.line(depth, `let ${localName(s.name)} = ${text(s.value)};`);
      case 'var':
        return this.line(depth, `var ${localName(s.name)} = ${text(s.init)};`);
      case 'assign':
        return this.line(depth, `${localName(s.name)} = ${text(s.value)};`);
      case 'store':
        return this.halves.has(s.buffer)
          ? this.line(depth, this.expressions.storeHalves(s))
          : this.store(s.buffer, s.index, this.stored(s), depth);
      case 'store-array':
        return this.store(s.array, s.index, s.value, depth, this.isOfHalves(s.array) ? 'half4' : '');
      case 'for':
        return this.loop(s, depth);
      case 'if':
        return this.branch(s, depth);
      case 'barrier':
        return this.barrier(depth);
      case 'combine':
        return this.line(depth, combineText(localName(s.name), s));
    }
  }

  // bool lies in buffers as 0 or 1.
  private stored(s: Extract<Statement, { kind: 'store' }>): KernelExpr {
    return s.value.type === 'bool' ? { kind: 'cast', type: 'u32', width: s.value.width, x: s.value } : s.value;
  }

  private store(name: string, index: KernelExpr, value: KernelExpr, depth: number, type = ''): void {
    const vector = this.isVector(name);
    if (vector || value.width === 1) {
      const place = vector ? this.expressions.quarter(index) : this.expressions.bare(index);
      const stored = this.expressions.bare(value);
      this.line(depth, `${name}[${place}] = ${type ? `${type}(${stored})` : stored};`);
      return;
    }
    const [place, parts] = [this.expressions.temporary(), this.expressions.temporary()];
    this.line(depth, `let ${place} = ${this.expressions.text(index)};`);
    this.line(depth, `let ${parts} = ${this.expressions.text(value)};`);
    for (let lane = 0; lane < 4; lane++) this.line(depth, `${name}[${place} + ${lane}] = ${parts}[${lane}];`);
  }

  private loop(s: Extract<Statement, { kind: 'for' }>, depth: number): void {
    const name = localName(s.name);
    const [from, to] = [this.expressions.bare(s.from), this.expressions.text(s.to)];
    const step = s.step === 1 ? `${name}++` : `${name} += ${s.step}`;
    this.line(depth, `for (var ${name} = ${from}; ${name} < ${to}; ${step}) {`);
    this.block(s.body, depth + 1);
    this.line(depth, '}');
  }

  private branch(s: Extract<Statement, { kind: 'if' }>, depth: number): void {
    this.line(depth, `if (${this.expressions.bare(s.cond)}) {`);
    this.block(s.then, depth + 1);
    if (s.otherwise.length > 0) {
      this.line(depth, '} else {');
      this.block(s.otherwise, depth + 1);
    }
    this.line(depth, '}');
  }

  private barrier(depth: number): void {
    const rereads = this.kernel.buffers.some((buffer) => buffer.access === 'read_write');
    if (rereads) this.line(depth, 'storageBarrier();');
    this.line(depth, 'workgroupBarrier();');
  }
}

// Without the spaces that only people need; `- -` and `> =` stay apart.
const compact = (text: string): string =>
  text.replace(/ (?!\w)|(?<!\w) /g, (_, at: number) =>
    /^(--|\+\+|>=)$/.test(text.slice(at - 1, at) + text.slice(at + 1, at + 2)) ? ' ' : '',
  );

// What is printed of the body of a kernel, by the access of its bindings.
const printedOf = memoize<Kernel['body'], Map<string, PrintedShader>>(() => new Map());

/** The WGSL of one kernel; `access[i]` declares storage binding i. */
export function printWgsl(kernel: Kernel, access: readonly BindingAccess[]): PrintedShader {
  const known = printedOf(kernel.body);
  const printed = known.get(access.join()) ?? new KernelPrinter(tidy(kernel), access, compact).print();
  known.set(access.join(), printed);
  return printed;
}

/** The same for people: local names of Kernel IR, and spaces. */
export const printReadableWgsl = (kernel: Kernel): PrintedShader => {
  const access = kernel.buffers.map((buffer) => (buffer.access === 'read' ? 'read' : 'read_write'));
  return new KernelPrinter(numberBuffers(kernel), access, (text) => text).print();
};
