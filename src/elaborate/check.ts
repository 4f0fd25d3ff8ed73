// Checks without a caller: every function and layer of the user's files with its own symbolic dims, so
// that two independent dims are found to be independent although every call happens to agree.
import { variables } from '../ir/dim.ts';
import type { FnDecl, UnitDecl } from '../parser/ast.ts';
import type { Frame, Session } from './frame.ts';
import { GraphContext } from './graph-context.ts';
import { buildMembers, collectPaths, type Instance } from './instances.ts';
import { commitUpdates, elaborateBody, guarded, rootFrame } from './models.ts';
import type { Module } from './modules.ts';
import { assumeRequirement } from './requirements.ts';
import { Scope } from './scope.ts';
import { bindFreshDims, symbolicValue } from './signatures.ts';
import { int, type Value } from './values.ts';

/** Checks all declarations of a module. */
export function checkModule(session: Session, module: Module): void {
  for (const declaration of module.file.declarations) {
    if (declaration.kind === 'fn') checkFn(session, declaration, module.scope, null, new Set(), new Map());
    else if (declaration.kind === 'unit' && declaration.unit !== 'optimizer') checkUnit(session, declaration, module.scope);
    else if (declaration.kind === 'const') module.scope.lookup(declaration.name.name);
  }
}

type Paths = GraphContext['paths'];

function checkFn(session: Session, decl: FnDecl, scope: Scope, instance: Instance | null, symbols: Set<string>, paths: Paths, facts: readonly Frame[] = []): void {
  const graph = new GraphContext(decl.name.name, 'entry', session.holes, paths, true, symbols);
  for (const name of symbols) graph.dim(name);
  for (const outer of facts) for (const fact of outer.graph?.facts ?? []) graph.assume(fact);
  const frame = rootFrame(session, graph, scope, decl, instance, false);
  if (decl.params.some((p) => p.name.name === '')) return;
  guarded(() => elaborateBody(frame, decl));
  guarded(() => commitUpdates(graph));
}

// Config comes from defaults, else it is a symbol; what hangs on other config is left to its users.
function checkUnit(session: Session, decl: UnitDecl, scope: Scope): void {
  const symbols = new Set<string>();
  const graph = new GraphContext(decl.name.name, 'entry', session.holes, new Map(), true, symbols);
  const frame = rootFrame(session, graph, scope, null, null, false);
  const instance = guarded(() => symbolicInstance(frame, decl, symbols));
  if (!instance) return;
  const { paths } = collectPaths(instance);
  for (const member of decl.members)
    if (member.kind === 'fn') checkFn(session, member, instance.scope, instance, symbols, paths, [frame]);
}

function symbolicInstance(frame: Frame, decl: UnitDecl, symbols: Set<string>): Instance {
  const { graph } = frame;
  bindFreshDims(frame, decl.params.map((p) => p.type));
  for (const param of decl.params) {
    const value: Value = symbolicValue(frame, param);
    if (value.kind === 'int') for (const name of variables(value.dim)) symbols.add(name);
    frame.scope.define(param.name.name, value.kind === 'int' ? int(value.dim) : value);
  }
  for (const clause of decl.requires) assumeRequirement(frame, clause);
  if (graph) graph.mayConstruct = true;
  const instance = buildMembers(frame, decl, new Map(), decl.name.span);
  if (graph) graph.mayConstruct = false;
  return instance;
}
