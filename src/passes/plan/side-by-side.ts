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
import { workgroupsOf } from '../../ir/plan.ts';
import { CompilerBug } from '../../support/diagnostic.ts';
import { memoize } from '../fusion/nest-graph.ts';
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

/** How a part's names read in the kernel of all parts. */
interface Renaming {
  readonly buffers: ReadonlyMap<string, string>;
  readonly params: ReadonlyMap<string, string>;
  readonly scalars: ReadonlyMap<string, string>;
  readonly arrays: ReadonlyMap<string, string>;
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

/** One kernel and dispatch for what all parts do, at least two. */
export function sideBySide(parts: readonly Bound[]): Bound {
  const [buffers, params, scalars] = [new Bindings<string>('b'), new Bindings<Dim>('p'), new Bindings<string>('s')];
  const { arrays, names } = sharedArrays(parts);
  const types = new Map<string, 'f32' | 'i32' | 'u32'>();
  const number = named('g');
  const param = (d: Dim): KernelExpr => ({ kind: 'param', type: 'i32', width: 1, name: params.name(d, d.key) });
  // The parts from the one `at` on, whose first workgroup is number `start`.
  const choose = (at: number, start: Dim): { readonly body: Statement[]; readonly end: Dim } => {
    const part = parts[at];
    if (!part) throw new CompilerBug('no part is left');
    const { kernel, dispatch } = part;
    const suffix = `_${at}`;
    for (const [k, id] of dispatch.scalars.entries()) types.set(id, kernel.scalars[k]?.type ?? 'f32');
    const body = renamedBody(kernel.body, {
      buffers: buffers.names(
        kernel.buffers.map(({ name }) => name),
        dispatch.buffers,
        (id) => id,
      ),
      params: params.names(kernel.params, dispatch.params, ({ key }) => key),
      scalars: scalars.names(
        kernel.scalars.map(({ name }) => name),
        dispatch.scalars,
        (id) => id,
      ),
      arrays: names[at] ?? new Map(),
      suffix,
      number: at === 0 ? number : named(`g${suffix}`),
    });
    const own: Statement[] =
      at === 0 ? body : [{ kind: 'let', name: `g${suffix}`, value: minus(number, param(start)) }, ...body];
    const end = add(start, workgroupsOf(dispatch));
    if (at === parts.length - 1) return { body: own, end };
    const rest = choose(at + 1, end);
    return { body: [{ kind: 'if', cond: less(number, param(end)), then: own, otherwise: rest.body }], end: rest.end };
  };
  const { body, end } = choose(0, zero);
  const [first] = parts;
  if (!first) throw new CompilerBug('no parts');
  const kernel: Kernel = {
    ...first.kernel,
    // A number that told equal names apart has no meaning here.
    name: parts.map((part) => part.kernel.name.replace(/_\d+$/, '')).join('_and_'),
    buffers: declared(parts, buffers.given),
    params: params.given.map((_, at) => `p${at}`),
    scalars: scalars.given.map((id, at) => ({ name: `s${at}`, type: types.get(id) ?? 'f32' })),
    arrays,
    body: [{ kind: 'let', name: 'g', value: workgroupNumber }, ...body],
    origin: parts.flatMap((part) => part.kernel.origin),
  };
  const dispatch = {
    kind: 'dispatch',
    kernel: kernel.name,
    buffers: buffers.given,
    params: params.given,
    scalars: scalars.given,
    grid: linearGrid(end),
  } as const;
  return { kernel, dispatch };
}
