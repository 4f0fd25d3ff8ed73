// Turns the kernels of a schedule into the kernels of a plan: scalar inputs become words of the step
// record, and buffers that share memory become one read_write binding.
import type { Kernel, KernelBuffer, KernelExpr, Statement } from '../../ir/kernel.ts';
import { loadsFrom, mapKernelExpr, mapStatements, statementBodies, statementExprs } from '../../ir/kernel-rewrite.ts';
import type { Dispatch } from '../../ir/plan.ts';

/** A kernel and a dispatch of it. */
export interface Bound {
  readonly kernel: Kernel;
  readonly dispatch: Dispatch;
}

const mapExprs = (kernel: Kernel, replace: (e: KernelExpr) => KernelExpr): Statement[] =>
  mapStatements([...kernel.body], (e) => mapKernelExpr(e, replace));

/** Replaces bindings of scalar inputs by words of the step record. */
export function bindScalars({ kernel, dispatch }: Bound, isScalar: (buffer: string) => boolean): Bound {
  const scalars = [...kernel.scalars];
  const names = [...dispatch.scalars];
  const words = new Map<string, (typeof scalars)[number]>();
  kernel.buffers.forEach((buffer, at) => {
    const id = dispatch.buffers[at];
    if (id === undefined || !isScalar(id)) return;
    const type =
      buffer.dtype === 'i32' || buffer.dtype === 'u32' ? buffer.dtype : buffer.dtype === 'bool' ? 'u32' : 'f32';
    const scalar = { name: `s${scalars.length}`, type } as const;
    scalars.push(scalar);
    names.push(id);
    words.set(buffer.name, scalar);
  });
  if (words.size === 0) return { kernel, dispatch };
  const body = mapExprs(kernel, (e) => {
    const word = e.kind === 'load' ? words.get(e.buffer) : undefined;
    return word && e.kind === 'load' ? asLoaded({ kind: 'scalar', type: word.type, width: 1, name: word.name }, e) : e;
  });
  const kept = kernel.buffers.map((buffer) => !words.has(buffer.name));
  return {
    kernel: { ...kernel, scalars, body, buffers: kernel.buffers.filter((_, at) => kept[at]) },
    dispatch: { ...dispatch, scalars: names, buffers: dispatch.buffers.filter((_, at) => kept[at]) },
  };
}

// The loaded type and width, from a word.
function asLoaded(
  word: Extract<KernelExpr, { kind: 'scalar' }>,
  load: Extract<KernelExpr, { kind: 'load' }>,
): KernelExpr {
  const typed: KernelExpr = word.type === load.type ? word : { kind: 'cast', type: load.type, width: 1, x: word };
  return load.width === 1 ? typed : { kind: 'splat', type: load.type, width: 4, x: typed };
}

/** Gives buffers of the same memory one binding. `memory` maps a buffer id to the id it shares. */
export function mergeBindings({ kernel, dispatch }: Bound, memory: (buffer: string) => string): Bound {
  const first = new Map<string, KernelBuffer>();
  const renamed = new Map<string, string>();
  const ids: string[] = [];
  kernel.buffers.forEach((buffer, at) => {
    const id = memory(dispatch.buffers[at] ?? '');
    const before = first.get(id);
    if (before) {
      renamed.set(buffer.name, before.name);
      if (before.access !== buffer.access) first.set(id, { ...before, access: 'read_write' });
    } else {
      first.set(id, buffer);
      ids.push(id);
    }
  });
  if (renamed.size === 0) return { kernel, dispatch: { ...dispatch, buffers: ids } };
  const name = (buffer: string): string => renamed.get(buffer) ?? buffer;
  const body = mapStatements(
    [...kernel.body],
    (e) => mapKernelExpr(e, (x) => (x.kind === 'load' ? { ...x, buffer: name(x.buffer) } : x)),
    (s) => (s.kind === 'store' ? { ...s, buffer: name(s.buffer) } : s),
  );
  return { kernel: { ...kernel, body, buffers: [...first.values()] }, dispatch: { ...dispatch, buffers: ids } };
}

/** True when, in some statement list, a load of `old` comes after a store to `fresh`. */
export function readsAfterWrite(body: readonly Statement[], old: string, fresh: string): boolean {
  let stored = false;
  for (const s of body) {
    if (stored && touches(s, old)) return true;
    if (s.kind === 'store' && s.buffer === fresh) stored = true;
    for (const inner of statementBodies(s)) {
      if (readsAfterWrite(inner, old, fresh)) return true;
      if (stores(inner, fresh)) stored = true;
    }
  }
  return false;
}

const touches = (s: Statement, buffer: string): boolean =>
  statementExprs(s).some((e) => loadsFrom(e, (name) => name === buffer)) ||
  statementBodies(s).some((body) => body.some((inner) => touches(inner, buffer)));

const stores = (body: readonly Statement[], buffer: string): boolean =>
  body.some(
    (s) => (s.kind === 'store' && s.buffer === buffer) || statementBodies(s).some((inner) => stores(inner, buffer)),
  );
