// Collects the code of one function: named and temporary locals, bytes, and marked mul+add sites.
import { signed, unsigned, type FunctionBody, type ValueType } from './encoder.ts';
import { hashOf } from '../../ir/kernel-key.ts';
import { op } from './instructions.ts';

/** A local variable of the function under construction. */
export interface Local {
  readonly index: number;
  readonly type: ValueType;
}

// Locals by what they hold, so that like code has like numbers in all functions and compresses well. Numbers that are
// not used cost nothing; what finds its range full goes to the end.
const ranges = [
  { kind: 'v128', type: 'v128', size: 20 },
  { kind: 'f32', type: 'f32', size: 14 },
  { kind: 'share', type: 'i32', size: 5 },
  { kind: 'buffer', type: 'i32', size: 8 },
  { kind: 'param', type: 'i32', size: 12 },
  { kind: 'i32', type: 'i32', size: 48 },
] as const;

type Range = (typeof ranges)[number]['kind'];

const shares = new Set(['extent', 'chunk', '%begin', '%end', 'scratch']);

function rangeOf(name: string, type: ValueType): Range {
  if (type !== 'i32') return type;
  if (shares.has(name)) return 'share';
  return name.startsWith('buffer ') ? 'buffer' : name.startsWith('param ') ? 'param' : 'i32';
}

/** Code of one function under construction. The first locals are its parameters. */
export class FunctionWriter {
  readonly code: number[] = [];
  /** Offsets in `code` of the `mul` of each `mul, local.get, add` that a loader may fuse. */
  readonly maddSites: number[] = [];
  private readonly named = new Map<string, Local>();
  private readonly taken = new Set<number>();
  private readonly overflow: ValueType[] = [];
  private end = 0;
  private readonly scopes: string[][] = [];

  constructor(private readonly params: readonly { readonly name: string; readonly type: ValueType }[]) {
    params.forEach(({ name, type }, index) => this.named.set(name, { index, type }));
  }

  emit(...bytes: readonly number[]): void {
    this.code.push(...bytes);
  }

  /** The local called `name`, made on first use; values of one form get one number where it is free. */
  local(name: string, type: ValueType, form?: string): Local {
    const known = this.named.get(name);
    if (known) return known;
    const made = this.fresh(type, rangeOf(name, type), form === undefined ? 0 : hashOf(form));
    this.named.set(name, made);
    this.scopes.at(-1)?.push(name);
    return made;
  }

  /** Opens a scope; calling the result ends it and frees the named locals that were made in it. */
  scope(): () => void {
    this.scopes.push([]);
    return () => {
      for (const name of this.scopes.pop() ?? []) {
        const local = this.named.get(name);
        if (local) this.release(local);
        this.named.delete(name);
      }
    };
  }

  /** A local without a name; give it back with {@link release} when its value is dead. */
  temporary(type: ValueType): Local {
    return this.fresh(type, type, 0);
  }

  release(...locals: readonly Local[]): void {
    for (const { index } of locals) this.taken.delete(index - this.params.length);
  }

  /** A name by which expressions can refer to a temporary. */
  nameOf(local: Local): string {
    const name = `temporary ${local.index}`;
    this.named.set(name, local);
    return name;
  }

  get(local: Local): void {
    this.emit(op.localGet, ...unsigned(local.index));
  }
  set(local: Local): void {
    this.emit(op.localSet, ...unsigned(local.index));
  }
  tee(local: Local): void {
    this.emit(op.localTee, ...unsigned(local.index));
  }
  i32(value: number): void {
    this.emit(op.i32Const, ...signed(value));
  }

  /** A load or store: opcode, alignment (log2) and constant byte offset. */
  memory(opcode: readonly number[] | number, offset: number, align = 2): void {
    this.emit(...(typeof opcode === 'number' ? [opcode] : opcode), align, ...unsigned(offset));
  }

  finish(): FunctionBody {
    return { params: this.params.map(({ type }) => type), locals: this.locals(), code: this.code };
  }

  private locals(): ValueType[] {
    const fixed = ranges.flatMap(({ type, size }) => Array.from({ length: size }, () => type));
    return this.overflow.length > 0 ? [...fixed, ...this.overflow] : fixed.slice(0, this.end);
  }

  // The first free number of the range, from a place that depends on `hash`.
  private fresh(type: ValueType, kind: Range, hash: number): Local {
    const at = ranges.findIndex((range) => range.kind === kind);
    const first = sizeOf(ranges.slice(0, at));
    const size = ranges[at]?.size ?? 0;
    const places = Array.from({ length: size }, (_, turn) => first + ((hash + turn) % size));
    const free = places.find((place) => !this.taken.has(place));
    const spare =
      sizeOf(ranges) + this.overflow.findIndex((other, n) => other === type && !this.taken.has(sizeOf(ranges) + n));
    const place = free ?? (spare >= sizeOf(ranges) ? spare : sizeOf(ranges) + this.overflow.push(type) - 1);
    this.taken.add(place);
    this.end = Math.max(this.end, place + 1);
    return { index: this.params.length + place, type };
  }
}

const sizeOf = (some: readonly { readonly size: number }[]): number => some.reduce((sum, { size }) => sum + size, 0);
