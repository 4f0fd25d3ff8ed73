// Kernels side by side in one: the workgroups of the first, then those of the second, and so on. Each part sees the
// number that its workgroup would have alone.
import { add, zero, type Dim } from '../../ir/dim.ts';
import { structureKey } from '../../ir/kernel-key.ts';
import {
  kernelOperands,
  mapKernelExpr,
  mapStatements,
  statementBodies,
  statementExprs,
} from '../../ir/kernel-rewrite.ts';
import type { Kernel, KernelArray, KernelBuffer, KernelExpr, Statement } from '../../ir/kernel.ts';
import { workgroupsOf, type Dispatch } from '../../ir/plan.ts';
import { CompilerBug } from '../../support/diagnostic.ts';
import { memoize } from '../../support/memoize.ts';
import { less, minus, named } from '../schedule/gpu/expressions.ts';
import { linearGrid, workgroupNumber } from '../schedule/gpu/writer.ts';
import type { Bound } from './bind.ts';

const numberKey = structureKey(workgroupNumber);
const isNumber = (e: KernelExpr): boolean => e.kind === 'binary' && e.op === 'add' && structureKey(e) === numberKey;

/** True when a kernel asks for nothing of its grid but the number of the workgroup. */
export const isLinear: (kernel: Kernel) => boolean = memoize((kernel) => {
  const asks = (e: KernelExpr): boolean =>
    !isNumber(e) && ((e.kind === 'name' && /^%[wn]/.test(e.name)) || kernelOperands(e).some(asks));
  const walk = (body: readonly Statement[]): boolean =>
    body.some((s) => statementExprs(s).some(asks) || statementBodies(s).some(walk));
  return !walk(kernel.body);
});

const likeness = ({ space, type, size }: KernelArray): string => `${space} ${type} ${size}`;

/** Arrays that serve all parts, and what each part calls them: only one part runs in a workgroup. */
export function sharedArrays(parts: readonly Bound[]): {
  readonly arrays: readonly KernelArray[];
  readonly names: readonly ReadonlyMap<string, string>[];
} {
  const arrays: KernelArray[] = [];
  const names = parts.map(({ kernel }) => {
    const free = [...arrays];
    return new Map(
      kernel.arrays.map((array): [string, string] => {
        const at = free.findIndex((other) => likeness(other) === likeness(array));
        const [known] = at < 0 ? [] : free.splice(at, 1);
        const own = known ?? { ...array, name: `a${arrays.length}` };
        if (!known) arrays.push(own);
        return [array.name, own.name];
      }),
    );
  });
  return { arrays, names };
}

// What the parts bind: each thing once, under a name of its own.
class Bindings<T> {
  readonly given: T[] = [];
  private readonly places = new Map<string, number>();

  constructor(private readonly prefix: string) {}

  /** Names of the things of one part, by the names that they have there. */
  names(own: readonly string[], things: readonly T[], keyOf: (thing: T) => string): Map<string, string> {
    return new Map(
      own.map((name, at): [string, string] => {
        const thing = things[at];
        if (thing === undefined) throw new CompilerBug(`a dispatch leaves ${name} unbound`);
        return [name, this.name(thing, keyOf(thing))];
      }),
    );
  }

  name(thing: T, key: string): string {
    let at = this.places.get(key);
    if (at === undefined) this.places.set(key, (at = this.given.push(thing) - 1));
    return `${this.prefix}${at}`;
  }
}

/** How the names of a part's bindings read in the kernel of all parts. */
interface Names {
  readonly buffers: ReadonlyMap<string, string>;
  readonly params: ReadonlyMap<string, string>;
  readonly scalars: ReadonlyMap<string, string>;
  readonly arrays: ReadonlyMap<string, string>;
}

interface Renaming extends Names {
  /** Appended to locals. */
  readonly suffix: string;
  /** The number of the workgroup in its part. */
  readonly number: KernelExpr;
}

function renamedBody(body: readonly Statement[], to: Renaming): Statement[] {
  const of = (names: ReadonlyMap<string, string>, name: string): string => names.get(name) ?? name;
  const local = (name: string): string => (name.startsWith('%') ? name : name + to.suffix);
  const node = (e: KernelExpr): KernelExpr => {
    if (e.kind === 'name') return { ...e, name: local(e.name) };
    if (e.kind === 'param') return { ...e, name: of(to.params, e.name) };
    if (e.kind === 'scalar') return { ...e, name: of(to.scalars, e.name) };
    if (e.kind === 'load') return { ...e, buffer: of(to.buffers, e.buffer) };
    if (e.kind === 'load-array') return { ...e, array: of(to.arrays, e.array) };
    return isNumber(e) ? to.number : e;
  };
  const statement = (s: Statement): Statement => {
    switch (s.kind) {
      case 'let':
      case 'var':
      case 'assign':
      case 'for':
        return { ...s, name: local(s.name) };
      case 'store':
        return { ...s, buffer: of(to.buffers, s.buffer) };
      case 'store-array':
        return { ...s, array: of(to.arrays, s.array) };
      case 'combine':
        return { ...s, name: local(s.name), array: of(to.arrays, s.array) };
      case 'if':
      case 'barrier':
        return s;
    }
  };
  return mapStatements(body, (e) => mapKernelExpr(e, node), statement);
}

// A buffer that some parts read and others write is both.
function declared(parts: readonly Bound[], ids: readonly string[]): KernelBuffer[] {
  return ids.map((id, at) => {
    const uses = parts.flatMap(({ kernel, dispatch }) => kernel.buffers.filter((_, k) => dispatch.buffers[k] === id));
    const [first] = uses;
    if (!first) throw new CompilerBug(`no part binds ${id}`);
    const access = uses.every((use) => use.access === first.access) ? first.access : 'read_write';
    return { ...first, name: `b${at}`, access };
  });
}

// `dot_x3_and_reduce`; a number that told equal names apart has no meaning here.
function joinedName(names: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names.map((each) => each.replace(/_\d+$/, ''))) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].map(([name, count]) => (count > 1 ? `${name}_x${count}` : name)).join('_and_');
}

/** What kernels side by side bind, and under which names. */
export interface Together {
  /** Equal where the kernels of all parts are equal: these parts, with bindings shared alike. */
  readonly key: string;
  readonly buffers: readonly string[];
  readonly params: readonly Dim[];
  readonly scalars: readonly string[];
  readonly grid: Dispatch['grid'];
  /** For each part the names of its bindings, and the params that are its first workgroup and the one after its last. */
  readonly parts: readonly (Names & { readonly start: string; readonly end: string })[];
}

/** Binds what all parts bind, each thing once. */
export function bindTogether(parts: readonly Bound[]): Together {
  const [buffers, params, scalars] = [new Bindings<string>('b'), new Bindings<Dim>('p'), new Bindings<string>('s')];
  const arrays = sharedArrays(parts).names;
  const param = (d: Dim): string => params.name(d, d.key);
  const itself = (id: string): string => id;
  const namesOf = (things: readonly { readonly name: string }[]): string[] => things.map(({ name }) => name);
  let end = zero;
  const names = parts.map(({ kernel, dispatch }, at) => {
    const start = at === 0 ? '' : param(end);
    end = add(end, workgroupsOf(dispatch));
    return {
      buffers: buffers.names(namesOf(kernel.buffers), dispatch.buffers, itself),
      params: params.names(kernel.params, dispatch.params, ({ key }) => key),
      scalars: scalars.names(namesOf(kernel.scalars), dispatch.scalars, itself),
      arrays: arrays[at] ?? new Map<string, string>(),
      start,
      end: at === parts.length - 1 ? '' : param(end),
    };
  });
  const key = parts.map(({ kernel }, at) => {
    const own = names[at];
    const bound = own ? [own.buffers, own.params, own.scalars].flatMap((each) => [...each.values()]) : [];
    return [kernel.name, own?.start, own?.end, ...bound].join(' ');
  });
  const [grid, given] = [linearGrid(end), { buffers: buffers.given, params: params.given, scalars: scalars.given }];
  return { key: key.join(';'), ...given, grid, parts: names };
}

/** One kernel for what all parts do, at least two. */
export function sideBySide(parts: readonly Bound[], together: Together): Kernel {
  const [number, types] = [named('g'), new Map<string, 'f32' | 'i32' | 'u32'>()];
  const param = (name: string): KernelExpr => ({ kind: 'param', type: 'i32', width: 1, name });
  // The parts from the one `at` on.
  const choose = (at: number): Statement[] => {
    const [part, names] = [parts[at], together.parts[at]];
    if (!part || !names) throw new CompilerBug('no part is left');
    const { kernel, dispatch } = part;
    const suffix = `_${at}`;
    for (const [k, id] of dispatch.scalars.entries()) types.set(id, kernel.scalars[k]?.type ?? 'f32');
    const own = renamedBody(kernel.body, { ...names, suffix, number: at === 0 ? number : named(`g${suffix}`) });
    if (at > 0) own.unshift({ kind: 'let', name: `g${suffix}`, value: minus(number, param(names.start)) });
    if (at === parts.length - 1) return own;
    return [{ kind: 'if', cond: less(number, param(names.end)), then: own, otherwise: choose(at + 1) }];
  };
  const body: Statement[] = [{ kind: 'let', name: 'g', value: workgroupNumber }, ...choose(0)];
  const [first] = parts;
  if (!first) throw new CompilerBug('no parts');
  return {
    ...first.kernel,
    name: joinedName(parts.map((part) => part.kernel.name)),
    buffers: declared(parts, together.buffers),
    params: together.params.map((_, at) => `p${at}`),
    scalars: together.scalars.map((id, at) => ({ name: `s${at}`, type: types.get(id) ?? 'f32' })),
    arrays: sharedArrays(parts).arrays,
    body,
    origin: parts.flatMap((part) => part.kernel.origin),
  };
}
