// Names and what they mean: a chain of tables. An entry may be computed on first use (consts).
import type { Value } from './values.ts';

type Entry = Value | (() => Value);

/** Names to choose a suggestion from. */
const mostNames = 500;

/** A table of names with a parent. */
export class Scope {
  readonly #names = new Map<string, Entry>();

  constructor(readonly parent: Scope | null = null) {}

  define(name: string, value: Entry): void {
    this.#names.set(name, value);
  }

  /** The meaning of a name, or undefined. */
  lookup(name: string): Value | undefined {
    const own = this.#names.get(name);
    if (own === undefined) return this.parent?.lookup(name);
    return typeof own === 'function' ? own() : own;
  }

  /** Whether this very table has the name. */
  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** The meaning of a name without the tables from `outer` on. */
  lookupBelow(name: string, outer: Scope): Value | undefined {
    if (this === outer) return undefined;
    const own = this.#names.get(name);
    if (own === undefined) return this.parent?.lookupBelow(name, outer);
    return typeof own === 'function' ? own() : own;
  }

  /** The names that can be seen from here, the nearest first; of very many, only the first. */
  names(into: Set<string> = new Set()): Set<string> {
    for (const name of this.#names.keys()) {
      if (into.size >= mostNames) return into;
      into.add(name);
    }
    this.parent?.names(into);
    return into;
  }
}
