// Collects the code of one function: named and temporary locals, bytes, and marked mul+add sites.
import { signed, unsigned, type FunctionBody, type ValueType } from './encoder.ts';
import { op } from './instructions.ts';

/** A local variable of the function under construction. */
export interface Local {
  readonly index: number;
  readonly type: ValueType;
}

/** Code of one function under construction. The first locals are its parameters. */
export class FunctionWriter {
  readonly code: number[] = [];
  /** Offsets in `code` of the `mul` of each `mul, local.get, add` that a loader may fuse. */
  readonly maddSites: number[] = [];
  private readonly named = new Map<string, Local>();
  private readonly types: ValueType[] = [];
  private readonly scopes: string[][] = [];
  private readonly free = new Map<ValueType, Local[]>();

  constructor(private readonly params: readonly { readonly name: string; readonly type: ValueType }[]) {
    params.forEach(({ name, type }, index) => this.named.set(name, { index, type }));
  }

  emit(...bytes: readonly number[]): void {
    this.code.push(...bytes);
  }

  /** The local called `name`, made on first use. */
  local(name: string, type: ValueType): Local {
    const known = this.named.get(name);
    if (known) return known;
    const made = this.temporary(type);
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
    return this.free.get(type)?.pop() ?? this.fresh(type);
  }

  release(...locals: readonly Local[]): void {
    for (const local of locals) {
      const pool = this.free.get(local.type);
      if (pool) pool.push(local);
      else this.free.set(local.type, [local]);
    }
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
    return { params: this.params.map(({ type }) => type), locals: this.types, code: this.code };
  }

  private fresh(type: ValueType): Local {
    this.types.push(type);
    return { index: this.params.length + this.types.length - 1, type };
  }
}
