// Runs one kernel statement by statement, in f32 and 32-bit integers: the meaning of Kernel IR, for tests
// of schedules and printers. Invocations of a workgroup take turns from barrier to barrier.
import { roundToHalf } from './half.ts';
import type { Kernel, KernelArray, KernelExpr, ScalarType, Statement } from './kernel.ts';
import { evaluateBinary, evaluateBitcast, evaluateCast, evaluateUnary } from './scalar-semantics.ts';

/** Memory of a buffer or array; bool lies in Uint32Array. */
export type KernelMemory = Float32Array | Int32Array | Uint32Array;

/** What a dispatch binds, in the kernel's order. */
export interface KernelArguments {
  readonly buffers: readonly KernelMemory[];
  readonly params: readonly number[];
  readonly scalars: readonly number[];
  /** GPU: workgroups. CPU: [extent, 1, 1]. */
  readonly grid: readonly [number, number, number];
}

type Value = readonly number[];
type Names = Map<string, Value>;

/** Runs `kernel`; the results are in the buffers. @throws RangeError for accesses outside memory and barriers that not all reach */
export function interpretKernel(kernel: Kernel, given: KernelArguments): void {
  const [x, y, z] = given.grid;
  if (kernel.target === 'cpu')
    return finishTogether([new Invocation(kernel, given, new Map(), { '%begin': 0, '%end': x }).run()]);
  for (let wz = 0; wz < z; wz++)
    for (let wy = 0; wy < y; wy++)
      for (let wx = 0; wx < x; wx++) {
        runWorkgroup(kernel, given, { '%wx': wx, '%wy': wy, '%wz': wz, '%nx': x, '%ny': y, '%nz': z });
      }
}

function runWorkgroup(kernel: Kernel, given: KernelArguments, place: Readonly<Record<string, number>>): void {
  const shared = new Map(
    kernel.arrays
      .filter(({ space }) => space === 'workgroup')
      .map(({ name, type, size }) => [name, allocate(type, size)]),
  );
  const [lx, ly, lz] = kernel.workgroup;
  const running: Generator<void>[] = [];
  for (let c = 0; c < lz; c++)
    for (let b = 0; b < ly; b++)
      for (let a = 0; a < lx; a++) {
        running.push(new Invocation(kernel, given, shared, { ...place, '%lx': a, '%ly': b, '%lz': c }).run());
      }
  finishTogether(running);
}

function finishTogether(running: readonly Generator<void>[]): void {
  for (;;) {
    const done = running.map((invocation) => invocation.next().done === true);
    if (done.every(Boolean)) return;
    if (done.some(Boolean)) throw new RangeError('a barrier that not all invocations reach');
  }
}

const memoryOf = { f32: Float32Array, f16: Float32Array, i32: Int32Array, u32: Uint32Array } as const;
const allocate = (type: KernelArray['type'], size: number): KernelMemory => new memoryOf[type](size);

function read(memory: KernelMemory, at: number, what: string): number {
  const value = memory[at];
  if (value === undefined) throw new RangeError(`${what}[${at}] is outside its ${memory.length} elements`);
  return value;
}

const isHalf = (x: number): boolean => Number.isNaN(x) || roundToHalf(x) === x;

function write(memory: KernelMemory, at: number, value: number, what: string): void {
  if (at < 0 || at >= memory.length) throw new RangeError(`${what}[${at}] is outside its ${memory.length} elements`);
  memory[at] = value;
}

class Invocation {
  private readonly names: Names;
  private readonly arrays: ReadonlyMap<string, KernelMemory>;

  constructor(
    private readonly kernel: Kernel,
    private readonly given: KernelArguments,
    shared: ReadonlyMap<string, KernelMemory>,
    place: Readonly<Record<string, number>>,
  ) {
    this.names = new Map(Object.entries(place).map(([name, value]) => [name, [value]]));
    const own = kernel.arrays.filter(({ space }) => space === 'private');
    this.arrays = new Map([
      ...shared,
      ...own.map(({ name, type, size }): [string, KernelMemory] => [name, allocate(type, size)]),
    ]);
  }

  run(): Generator<void> {
    return this.list(this.kernel.body);
  }

  private *list(body: readonly Statement[]): Generator<void> {
    for (const statement of body) yield* this.statement(statement);
  }

  private *statement(s: Statement): Generator<void> {
    switch (s.kind) {
      case 'let':
      case 'assign':
        this.names.set(s.name, this.value(s.value));
        return;
      case 'var':
        this.names.set(s.name, this.value(s.init));
        return;
      case 'store':
        return this.store(this.buffer(s.buffer), s.index, s.value, s.buffer);
      case 'store-array':
        if (this.typeOf(s.array) === 'f16' && this.value(s.value).some((x) => !isHalf(x)))
          throw new RangeError(`${s.array} is of f16, and what is stored in it is not`);
        return this.store(this.array(s.array), s.index, s.value, s.array);
      case 'if':
        return yield* this.list(this.number(s.cond) !== 0 ? s.then : s.otherwise);
      case 'barrier':
        return yield;
      case 'combine':
        return yield* this.combine(s);
      case 'for': {
        const to = this.number(s.to);
        for (let i = this.number(s.from); i < to; i += s.step) {
          this.names.set(s.name, [i]);
          yield* this.list(s.body);
        }
      }
    }
  }

  // What the others of the team hold is added to what the first of it holds, in order.
  private *combine({ name, op, team, array }: Extract<Statement, { kind: 'combine' }>): Generator<void> {
    const memory = this.array(array);
    const type = this.typeOf(array);
    if (type === 'f16') throw new RangeError(`teams meet in ${array}, which is of f16`);
    const local = this.number({ kind: 'name', type: 'i32', width: 1, name: '%lx' });
    const first = local - (local % team);
    write(memory, local, this.number({ kind: 'name', type, width: 1, name }), array);
    yield;
    let all = read(memory, first, array);
    for (let at = first + 1; at < first + team; at++)
      all = rounded(type, evaluateBinary(op, type, all, read(memory, at, array)));
    this.names.set(name, [all]);
  }

  private store(memory: KernelMemory, index: KernelExpr, value: KernelExpr, what: string): void {
    const at = this.number(index);
    this.value(value).forEach((lane, offset) => write(memory, at + offset, lane, what));
  }

  private buffer(name: string): KernelMemory {
    const memory = this.given.buffers[this.kernel.buffers.findIndex((buffer) => buffer.name === name)];
    if (!memory) throw new RangeError(`${this.kernel.name} has no buffer ${name}`);
    return memory;
  }

  private typeOf(array: string): KernelArray['type'] {
    return this.kernel.arrays.find(({ name }) => name === array)?.type ?? missing(array);
  }

  private array(name: string): KernelMemory {
    const memory = this.arrays.get(name);
    if (!memory) throw new RangeError(`${this.kernel.name} has no array ${name}`);
    return memory;
  }

  private number(e: KernelExpr): number {
    return this.value(e)[0] ?? Number.NaN;
  }

  private value(e: KernelExpr): Value {
    switch (e.kind) {
      case 'const':
        return Array<number>(e.width).fill(e.type === 'f32' ? Math.fround(e.value) : e.value);
      case 'name':
        return this.names.get(e.name) ?? missing(e.name);
      case 'param':
        return [this.given.params[this.kernel.params.indexOf(e.name)] ?? Number.NaN];
      case 'scalar':
        return [this.given.scalars[this.kernel.scalars.findIndex(({ name }) => name === e.name)] ?? Number.NaN];
      case 'load':
        return this.lanesOf(this.buffer(e.buffer), e.index, e.width, e.buffer, e.type);
      case 'load-array':
        return this.lanesOf(this.array(e.array), e.index, e.width, e.array, e.type);
      case 'unary':
        return this.value(e.x).map((x) => rounded(e.type, evaluateUnary(e.op, e.type, x)));
      case 'binary': {
        const [a, b] = [this.value(e.a), this.value(e.b)];
        return a.map((x, lane) => rounded(e.type, evaluateBinary(e.op, e.a.type, x, b[lane] ?? Number.NaN)));
      }
      case 'madd': {
        const [a, b, c] = [this.value(e.a), this.value(e.b), this.value(e.c)];
        return a.map((x, lane) => Math.fround(Math.fround(x * (b[lane] ?? Number.NaN)) + (c[lane] ?? Number.NaN)));
      }
      case 'select': {
        const [then, otherwise] = [this.value(e.then), this.value(e.otherwise)];
        return this.value(e.cond).map((cond, lane) => (cond !== 0 ? then : otherwise)[lane] ?? Number.NaN);
      }
      case 'cast':
        return this.value(e.x).map((x) => rounded(e.type, evaluateCast(e.x.type, e.type, x)));
      case 'bitcast':
        return this.value(e.x).map((x) => evaluateBitcast(e.x.type, e.type, x));
      case 'splat':
        return Array<number>(4).fill(this.number(e.x));
      case 'lane':
        return [this.value(e.x)[e.lane] ?? Number.NaN];
      case 'shuffle': {
        const both = [...this.value(e.a), ...this.value(e.b)];
        return e.lanes.map((lane) => both[lane] ?? Number.NaN);
      }
      case 'vector':
        return e.lanes.map((lane) => this.number(lane));
    }
  }

  private lanesOf(memory: KernelMemory, index: KernelExpr, width: number, what: string, type: ScalarType): Value {
    const at = this.number(index);
    return Array.from({ length: width }, (_, lane) => {
      const value = read(memory, at + lane, what);
      return type === 'bool' ? Number(value !== 0) : value;
    });
  }
}

const rounded = (type: ScalarType, value: number): number => (type === 'f32' ? Math.fround(value) : value);

function missing(name: string): never {
  throw new RangeError(`${name} is used before it is defined`);
}
