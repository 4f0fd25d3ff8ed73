// Records the values that a traced entry point gives back besides its result: what `let`s of the program name, and the
// results of its layers, by the path that leads there (`fc1`, `h.0.attn.scores`, `forward.h`).
import type { GraphFunction, Structure, Value as GraphValue } from '../ir/graph.ts';
import type { Frame } from './frame.ts';
import type { Instance } from './instances.ts';
import type { Value } from './values.ts';

/** The named values of one entry point. */
export class Trace {
  readonly #values: { readonly path: string; readonly value: GraphValue }[] = [];
  readonly #paths = new Map<Instance, string>();

  constructor(model: Instance) {
    this.#collect(model, '');
  }

  #collect(instance: Instance, path: string): void {
    if (this.#paths.has(instance)) return;
    this.#paths.set(instance, path);
    for (const [name, value] of [...instance.config, ...instance.members]) this.#member(value, joined(path, name));
  }

  #member(value: Value, path: string): void {
    if (value.kind === 'instance') this.#collect(value.instance, path);
    else if (value.kind === 'list' || value.kind === 'tuple')
      value.items.forEach((item, at) => this.#member(item, joined(path, String(at))));
  }

  /** Where the body that `frame` evaluates lies: its layer, then the function unless that is `forward`. */
  #pathOf({ caller, instance, fn }: Frame): string {
    if (!caller || fn === null) return '';
    const { frame } = caller;
    if (fn === frame.fn && instance === frame.instance) return this.#pathOf(frame);
    const own = instance ? this.#paths.get(instance) : undefined;
    if (own === undefined || own === '') return joined(this.#pathOf(frame), fn.name.name);
    return fn.name.name === 'forward' ? own : joined(own, fn.name.name);
  }

  /** Remembers what a `let` in the body of `frame` names. */
  bind(frame: Frame, name: string, value: Value): void {
    this.#add(frame, joined(this.#pathOf(frame), name), value);
  }

  /** Remembers what a call returned, whose body `frame` evaluated. Library functions are no places of the program. */
  returned(frame: Frame, value: Value): void {
    if (frame.instance !== null || frame.fn?.span.source.name.startsWith('std/') === false)
      this.#add(frame, this.#pathOf(frame), value);
  }

  #add(frame: Frame, path: string, value: Value): void {
    if (value.kind !== 'tensor' || frame.tabulating || value.value.type.dtype === 'f16') return;
    this.#values.push({ path, value: value.value });
  }

  // A layer that is called again has `#2` behind its path.
  #numbered(kept: ReadonlySet<GraphValue>): ReadonlyMap<string, GraphValue> {
    const numbered = new Map<string, GraphValue>();
    for (const { path, value } of this.#values) {
      if (!kept.has(value)) continue;
      let [key, count] = [path, 1];
      while (numbered.has(key) && numbered.get(key) !== value) key = `${path}#${++count}`;
      numbered.set(key, value);
    }
    return numbered;
  }

  /**
   * `{ result, trace }`, with the traced values as results of `fn`. Values inside of run-time loops, and of attempts
   * that came to nothing, are left out and take no number.
   */
  finish(fn: GraphFunction, returns: Structure): { readonly fn: GraphFunction; readonly returns: Structure } {
    const outside = new Set([...fn.inputs.map(({ value }) => value), ...fn.nodes.flatMap(({ outputs }) => outputs)]);
    const traced = [...this.#numbered(outside)];
    const results = traced.map(([path, value]) => ({ name: `trace:${path}`, role: 'output' as const, value }));
    const items = traced.map(([name]) => ({ name, item: { kind: 'tensor' as const, result: `trace:${name}` } }));
    return {
      fn: { ...fn, results: [...fn.results, ...results] },
      returns: {
        kind: 'tuple',
        items: [
          { name: 'result', item: returns },
          { name: 'trace', item: { kind: 'tuple', items } },
        ],
      },
    };
  }
}

const joined = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);
