// Caches: tensors that live in a session of the host. The free names in their types are session dims: ints of
// the layer that no signature binds, one per name in the model, given when the session is made.
import { asVariable, sub, variable, variables, type Dim } from '../ir/dim.ts';
import type { SlotMember, TypeExpr } from '../parser/ast.ts';
import { messages } from '../support/messages.gen.ts';
import { equalDims, lessEqualDims, resolved } from './dims.ts';
import { reject, type Frame } from './frame.ts';
import type { Slot } from './instances.ts';
import { aliasOf } from './aliases.ts';
import { dimNamed } from './types.ts';

/** Names of dims that the session gives: the variables of a cache's shape. */
export function sessionNames(shape: readonly Dim[]): readonly string[] {
  return [...new Set(shape.flatMap((d) => [...variables(d)]))].filter((name) => !name.startsWith('%'));
}

/** The frame in which the type of a cache is read: its free names are dims of the session. */
export function cacheFrame(frame: Frame, member: SlotMember): Frame {
  const dims = new Map(frame.signature.dims);
  for (const name of plainNames(frame, member.type)) {
    if (dimNamed(frame, name) !== undefined) continue;
    const dim = variable(name);
    dims.set(name, dim);
    for (const scope of [frame.scope, frame.instance?.scope]) scope?.define(name, { kind: 'int', dim, session: true });
  }
  return { ...frame, signature: { ...frame.signature, dims } };
}

function plainNames(frame: Frame, type: TypeExpr): readonly string[] {
  const inner = aliasOf(frame, type) ?? type;
  if (inner.kind !== 'tensor-type') return [];
  return inner.dims.flatMap((d) => (d.kind === 'expr-dim' && d.value.kind === 'name' ? [d.value.name] : []));
}

/**
 * A function reads or writes a cache: its own dims of the session's names, and those of its callers, are the
 * session's. What is not so by name is a guard of the entry.
 */
export function enterSession(frame: Frame, slot: Slot): void {
  if (slot.role !== 'cache') return;
  const names = sessionNames(slot.type.shape);
  for (const name of names) frame.graph?.dim(name);
  for (let at: Frame | null = frame; at; at = at.caller?.frame ?? null)
    for (const name of names) {
      const own = at.signature.dims.get(name);
      if (own) assumeEqual(at, resolved(at, own), variable(name));
    }
}

function assumeEqual(frame: Frame, own: Dim, session: Dim): void {
  const answer = equalDims(frame, own, session);
  if (answer === 'refuted' && frame.fn)
    reject(frame, messages.E0303(frame.fn.name.span, { left: own.key, right: session.key }));
  if (answer === 'unknown') frame.graph?.assume({ kind: '==0', lhs: sub(own, session) });
}

/** What is put into a cache must fit: where the room is a dim of the session, that is checked when the entry is called. */
export function assumeRoom(frame: Frame, size: Dim, room: Dim): void {
  const name = asVariable(room);
  if (name === undefined || !frame.graph?.isSession(name)) return;
  if (lessEqualDims(frame, size, room) === 'unknown') frame.graph.assume({ kind: '>=0', lhs: sub(room, size) });
}
