// One graph function under construction: its builder, inputs, dims, facts, and the current values of
// parameters and states. Random keys are derived lazily along the chain of call sites.
import { Builder } from '../ir/builder.ts';
import { substitute, variable, variables, type Dim } from '../ir/dim.ts';
import type { Facts } from '../ir/dim-solver.ts';
import type {
  DimVariable,
  Fact,
  FunctionInput,
  FunctionResult,
  GraphFunction,
  InputRole,
  TensorType,
  Value,
} from '../ir/graph.ts';
import { sessionNames } from './caches.ts';
import type { Slot } from './instances.ts';
import { dequantize, storedTypes } from './quantize.ts';

/** A builder whose facts grow while it builds. */
class FactBuilder extends Builder {
  declare facts: Facts;
}

/** Solutions of `_` in constructor calls: hole variable -> dim. */
export type Holes = Map<string, Dim>;

/** The name of the scales of a quantized parameter. */
export const scaleName = (path: string): string => `${path}.scale`;

/** Replaces solved holes, holes in their solutions too. */
export function resolveHoles(d: Dim, holes: Holes): Dim {
  if (holes.size === 0 || !d.key.includes('%hole')) return d;
  const solved = substitute(d, (name) => holes.get(name));
  return solved.key === d.key ? d : resolveHoles(solved, holes);
}

/** The graph function being built. */
export class GraphContext {
  readonly builder: FactBuilder = new FactBuilder();
  readonly inputs: FunctionInput[] = [];
  readonly results: FunctionResult[] = [];
  /** Layers may be constructed at the moment: members of a standalone check, the body of a `test`. */
  mayConstruct = false;
  /** Dims that stand for packs in a check by itself. */
  readonly packs = new Set<string>();
  /** Ints that the caller of a function checked by itself gives: while compiling, or as a dim. */
  readonly counts = new Set<string>();
  readonly #dims: DimVariable[] = [];
  readonly #facts: Fact[] = [];
  readonly #current = new Map<Slot, Value>();
  readonly #names = new Map<Slot, string>();
  readonly #updated = new Set<Slot>();
  readonly #session: ReadonlySet<string>;

  constructor(
    readonly name: string,
    readonly kind: GraphFunction['kind'],
    readonly holes: Holes,
    /** Checkpoint paths of all slots that the function may read. */
    readonly paths: ReadonlyMap<Slot, string>,
    /** A check of a signature by itself: config are symbols, obligations on them are assumed. */
    readonly standalone = false,
    /** Config symbols of a standalone check. */
    readonly symbols: Set<string> = new Set(),
  ) {
    // Sizes of the session are known to be positive before a cache is read.
    this.#session = new Set(
      [...paths.keys()].flatMap(({ role, type }) => (role === 'cache' ? sessionNames(type.shape) : [])),
    );
    this.#assumeSizes([...this.#session].map((name) => ({ name, min: 1 })));
  }

  /** Whether a dim is given by the session, which holds the caches. */
  isSession(name: string): boolean {
    return this.#session.has(name);
  }

  #assumeSizes(dims: readonly DimVariable[]): void {
    const fresh = dims.filter(({ name }) => !this.builder.facts.variables.some((known) => known.name === name));
    if (fresh.length > 0) this.builder.facts = this.builder.facts.extend(fresh, []);
  }

  /** A fresh dim variable of the signature. */
  dim(name: string, min = 1): Dim {
    if (!this.#dims.some((d) => d.name === name)) {
      this.#dims.push({ name, min });
      this.#assumeSizes([{ name, min }]);
    }
    return variable(name);
  }

  get facts(): readonly Fact[] {
    return this.#facts;
  }

  get dims(): readonly DimVariable[] {
    return this.#dims;
  }

  /** Assumes a fact from here on. */
  assume(fact: Fact): void {
    this.#facts.push(fact);
    this.builder.facts = this.builder.facts.extend([], [fact]);
  }

  input(name: string, role: InputRole, type: TensorType): Value {
    const found = this.inputs.find((input) => input.name === name);
    if (found) return found.value;
    const value: Value = { type, name };
    this.inputs.push({ name, role, value });
    return value;
  }

  /** The current value of a parameter, state or cache. */
  read(slot: Slot): Value {
    return this.#current.get(slot) ?? this.slotInput(slot);
  }

  /** Whether the slot belongs to what this function reads and writes. */
  knows(slot: Slot): boolean {
    return this.standalone || this.paths.has(slot) || this.#current.has(slot);
  }

  /** The value that a slot has when the function starts. */
  slotInput(slot: Slot): Value {
    const path = this.paths.get(slot) ?? this.nameOf(slot);
    const shape = slot.type.shape.map((d) => resolveHoles(d, this.holes));
    if (slot.role === 'cache') for (const name of sessionNames(shape)) this.dim(name);
    const type = { dtype: slot.type.dtype, shape };
    const { quantization } = slot;
    // Sizes of a check by itself are open: how a weight is stored does not matter there.
    if (!quantization || this.standalone) return this.input(path, slot.role, type);
    const { words, scales } = storedTypes(type, quantization);
    const stored = [this.input(path, slot.role, words), this.input(scaleName(path), slot.role, scales)] as const;
    return dequantize(this.builder, ...stored, type, quantization);
  }

  // Slots of instances that no model holds, as in tests: by their name, numbered where another has it.
  private nameOf(slot: Slot): string {
    let name = this.#names.get(slot);
    if (name === undefined) {
      const count = [...this.#names.keys()].filter((other) => other.name === slot.name).length;
      name = count === 0 ? slot.name : `${slot.name}.${count}`;
      this.#names.set(slot, name);
    }
    return name;
  }

  write(slot: Slot, value: Value): void {
    this.#current.set(slot, value);
    this.#updated.add(slot);
  }

  #isOpen(name: string): boolean {
    return this.symbols.has(name) || this.counts.has(name);
  }

  /** Whether a dim is made of ints that a check by itself leaves open. */
  leavesOpen(d: Dim): boolean {
    return this.standalone && [...variables(d)].every((name) => this.#isOpen(name));
  }

  /** Whether a value follows from the config that a check by itself leaves open, and from nothing else. */
  hangsOnConfig(value: Value): boolean {
    const makers = new Map(this.builder.nodes.flatMap((node) => node.outputs.map((output) => [output, node])));
    const todo = [value];
    let hangs = false;
    if (!this.standalone) return false;
    for (const at of todo) {
      const node = makers.get(at);
      if (!node) return false;
      const dims = Object.values(node.attrs).filter((attr) => typeof attr === 'object' && 'terms' in attr);
      const names = dims.flatMap((dim) => [...variables(dim)]);
      if (!names.every((name) => this.#isOpen(name))) return false;
      hangs ||= names.length > 0;
      todo.push(...node.inputs);
    }
    return hangs;
  }

  /** Gives a slot of an optimizer its input. */
  adopt(slot: Slot, value: Value): void {
    this.#current.set(slot, value);
  }

  /** The value of an optimizer's slot; from here on it is no slot of the function. */
  take(slot: Slot): Value {
    const value = this.read(slot);
    this.#current.delete(slot);
    this.#updated.delete(slot);
    return value;
  }

  /** Remembers the values of slots; the result puts them back. */
  snapshot(): () => void {
    const [current, updated] = [new Map(this.#current), new Set(this.#updated)];
    return () => {
      this.#current.clear();
      this.#updated.clear();
      for (const [slot, value] of current) this.#current.set(slot, value);
      for (const slot of updated) this.#updated.add(slot);
    };
  }

  /** Remembers the values of slots; the result says which have changed since. */
  watch(): () => readonly Slot[] {
    const before = new Map(this.#current);
    return () => [...this.#updated].filter((slot) => this.#current.get(slot) !== before.get(slot));
  }

  /** Slots written so far, in order of the first write. */
  get updated(): ReadonlySet<Slot> {
    return this.#updated;
  }

  /** The base key: the two words that the host passes. */
  baseKey(): readonly [Value, Value] {
    const type: TensorType = { dtype: 'u32', shape: [] };
    return [this.input('key.0', 'key', type), this.input('key.1', 'key', type)];
  }

  iteration(): Value {
    return this.input('iteration', 'iteration', { dtype: 'i32', shape: [] });
  }

  finish(): GraphFunction {
    return {
      name: this.name,
      kind: this.kind,
      dims: this.#dims,
      facts: this.#facts,
      inputs: this.inputs,
      nodes: this.builder.nodes,
      results: this.results,
      host: [],
    };
  }
}

/**
 * The key of one place in the chain of calls; calls made there get keys of their own. A place is named by
 * the ordinals of the calls that lead to it, and its key is the base key folded with 64 bits of their hash.
 */
export class KeySite {
  #key: readonly [Value, Value] | null = null;
  #calls = 0;

  /** `root` gives the key to fold the path into; without one, the base key of the function. */
  constructor(
    readonly graph: GraphContext,
    readonly path: string,
    readonly root?: () => readonly [Value, Value],
  ) {}

  /** Both words; nodes are emitted at the first use. */
  key(): readonly [Value, Value] {
    this.#key ??= this.#derive();
    return this.#key;
  }

  #derive(): readonly [Value, Value] {
    const [k0, k1] = this.root?.() ?? this.graph.baseKey();
    const [a, b] = this.graph.builder.node('fold_path', [k0, k1], { path: this.path });
    return [a ?? k0, b ?? k1];
  }

  /** The key of the next call made from here. */
  next(): KeySite {
    return new KeySite(this.graph, `${this.path}.${this.#calls++}`, this.root);
  }

  /** Remembers how many calls were made; the result goes back there. */
  mark(): () => void {
    const calls = this.#calls;
    return () => {
      this.#calls = calls;
    };
  }

  /** A fresh chain of calls for one step of a run-time loop; its nodes lie in the region being built. */
  atStep(t: Value): KeySite {
    const { builder } = this.graph;
    return new KeySite(this.graph, this.path, () => {
      const [k0, k1] = this.#derive();
      const [a, b] = builder.node('fold_in', [k0, k1, builder.cast(t, 'u32')]);
      return [a ?? k0, b ?? k1];
    });
  }
}
