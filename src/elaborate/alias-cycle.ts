// Types that contain themselves: an alias is expanded where it is used, so it may not.
import type { TypeDecl } from '../parser/ast.ts';
import { mentions } from './mentions.ts';
import type { Scope } from './scope.ts';

const known = new WeakMap<TypeDecl, readonly string[]>();

/** The names from an alias back to itself; empty for one that ends. */
export function aliasCycle(decl: TypeDecl, scope: Scope): readonly string[] {
  const found = known.get(decl) ?? cycleFrom(decl, scope, [], new Set());
  known.set(decl, found);
  return found;
}

function cycleFrom(decl: TypeDecl, scope: Scope, path: readonly TypeDecl[], done: Set<TypeDecl>): readonly string[] {
  const at = path.indexOf(decl);
  if (at >= 0) return [...path.slice(at), decl].map(({ name }) => name.name);
  if (done.has(decl)) return [];
  for (const name of mentions(decl.value).keys()) {
    const next = scope.lookup(name);
    const found = next?.kind === 'type' ? cycleFrom(next.decl, next.scope, [...path, decl], done) : [];
    if (found.length > 0) return found;
  }
  done.add(decl);
  return [];
}
