// Checks without a caller: every function and layer of the user's files with its own symbolic dims, so
// that two independent dims are found to be independent although every call happens to agree.
import { variables } from '../ir/dim.ts';
import type { Attribute, Bind, Declaration, FnDecl, TestDecl, TypeExpr, UnitDecl } from '../parser/ast.ts';
import type { Diagnostic } from '../support/diagnostic.ts';
import { messages } from '../support/messages.gen.ts';
import { bindPattern, evaluate, runStatements } from './expressions/evaluate.ts';
import { reject, type Frame, type Session } from './frame.ts';
import { GraphContext } from './graph-context.ts';
import { buildMembers, collectPaths, type Instance } from './instances.ts';
import { commitUpdates, elaborateBody, guarded, initialValue, rootFrame } from './models.ts';
import { staticFrame, type Module } from './modules.ts';
import { precisionInside, readPrecision } from './precision.ts';
import { readQuantization } from './quantize.ts';
import { assumeRequirement } from './requirements.ts';
import type { Scope } from './scope.ts';
import { bindFreshDims, isCount, symbolicValue } from './signatures.ts';
import { checkTypeNames } from './type-names.ts';
import { int, unknown, type Value } from './values.ts';

/** Checks all declarations of a module. */
export function checkModule(session: Session, module: Module): void {
  for (const declaration of module.file.declarations) {
    checkAttributes(session, declaration, module.scope);
    checkTypeNames(session, declaration, module.scope);
    if (declaration.kind === 'unit')
      for (const member of declaration.members) if (member.kind === 'fn') refuseAttributes(session, member.attributes);
    if (declaration.kind === 'test') checkTest(session, declaration, module.scope);
    if (declaration.kind === 'fn') checkFn(session, declaration, module.scope, null, new Set(), new Map());
    else if (declaration.kind === 'unit' && declaration.unit !== 'optimizer')
      checkUnit(session, declaration, module.scope);
    else if (declaration.kind === 'const') module.scope.lookup(declaration.name.name);
  }
}

function checkAttributes(session: Session, declaration: Declaration, scope: Scope): void {
  const isModule = declaration.kind === 'unit' && declaration.unit !== 'optimizer';
  const readers = new Map<string, (frame: Frame, attribute: Attribute) => unknown>([
    ...(isModule || declaration.kind === 'fn' || declaration.kind === 'train'
      ? [['precision', readPrecision] as const]
      : []),
    ...(isModule ? [['quantize', readQuantization] as const] : []),
  ]);
  const frame = staticFrame(session, scope);
  for (const attribute of declaration.attributes) guarded(() => readers.get(attribute.name.name)?.(frame, attribute));
  refuseAttributes(
    session,
    declaration.attributes.filter(({ name }) => !readers.has(name.name)),
  );
}

function refuseAttributes(session: Session, attributes: readonly Attribute[]): void {
  for (const { name } of attributes)
    session.report(
      messages.E0212(
        name.span,
        { name: name.name },
        {
          notes: [
            '`@freeze`, `@name("key")`, `@regularize(f)` and `@constrain(f)` stand before members that hold parameters',
          ],
        },
      ),
    );
}

/** Values of a `forall` that a check tries: the ends of each range. */
function sampleValues(frame: Frame, bind: Bind): readonly Value[] {
  if (bind.kind !== 'in-bind') return reject(frame, messages.E0404(bind.span, { what: 'the range of a `forall`' }));
  const over = evaluate(frame, bind.over);
  if (over.kind !== 'list')
    return over.kind === 'unknown'
      ? []
      : reject(frame, messages.E0404(bind.over.span, { what: 'the range of a `forall`' }));
  return over.items.length <= 2 ? over.items : [over.items[0] ?? unknown, over.items.at(-1) ?? unknown];
}

// The static part of a test: shapes and asserts on them. Values of tensors are for `dlm test`.
function checkTest(session: Session, decl: TestDecl, scope: Scope): void {
  const run = (values: readonly (readonly [Bind, Value])[]): void => {
    const graph = new GraphContext(decl.name.value, 'entry', session.holes, new Map(), true);
    graph.mayConstruct = true;
    const frame = rootFrame(session, graph, scope, null, null, false);
    const next = decl.forall[values.length];
    for (const [bind, value] of values) if (bind.kind === 'in-bind') bindPattern(frame, bind.pattern, value);
    if (next) for (const value of sampleValues(frame, next)) run([...values, [next, value]]);
    else runStatements(frame, decl.body);
  };
  guarded(() => run([]));
}

type Paths = GraphContext['paths'];

function checkFn(
  session: Session,
  decl: FnDecl,
  scope: Scope,
  instance: Instance | null,
  symbols: Set<string>,
  paths: Paths,
  facts: readonly Frame[] = [],
): void {
  const graph = new GraphContext(decl.name.name, 'entry', session.holes, paths, true, symbols);
  for (const name of symbols) graph.dim(name);
  for (const outer of facts) for (const fact of outer.graph?.facts ?? []) graph.assume(fact);
  // A function without tensors may be for members to call, which construct.
  graph.mayConstruct = instance === null && decl.params.every((p) => isStatic(p.type));
  const frame = rootFrame(session, graph, scope, decl, instance, false);
  for (const param of decl.params) if (isCount(param)) graph.counts.add(param.name.name);
  if (decl.params.some((p) => p.name.name === '')) return;
  guarded(() => elaborateBody(frame, decl));
  guarded(() => commitUpdates(graph));
}

const isStatic = (type: TypeExpr): boolean =>
  type.kind !== 'tensor-type' && !(type.kind === 'optional-type' && !isStatic(type.type));

// Config comes from defaults, else it is a symbol; what hangs on other config is left to its users.
function checkUnit(session: Session, decl: UnitDecl, scope: Scope): void {
  const symbols = new Set<string>();
  const graph = new GraphContext(decl.name.name, 'entry', session.holes, new Map(), true, symbols);
  const frame = rootFrame(session, graph, scope, null, null, false);
  const precision = precisionInside(frame, decl.attributes);
  const instance = guarded(() => symbolicInstance({ ...frame, precision }, decl, symbols));
  if (!instance) return;
  const { paths } = collectPaths(instance);
  checkInitialisers(session, instance, symbols);
  for (const member of decl.members)
    if (member.kind === 'fn') checkFn(session, member, instance.scope, instance, symbols, paths, [frame]);
}

// What an initialiser cannot name is found without config; its values hang on config.
function checkInitialisers(session: Session, instance: Instance, symbols: Set<string>): void {
  const report = (diagnostic: Diagnostic): void => {
    if (diagnostic.code === 'E0202') session.report(diagnostic);
  };
  for (const value of instance.members.values()) {
    if (value.kind !== 'parameter' || !value.slot.init || value.slot.frame.instance !== instance) continue;
    const { slot } = value;
    const graph = new GraphContext(`${slot.name}.init`, 'init', session.holes, new Map(), true, symbols);
    for (const name of symbols) graph.dim(name);
    guarded(() => initialValue({ ...session, report }, graph, slot, slot.name));
  }
}

function symbolicInstance(frame: Frame, decl: UnitDecl, symbols: Set<string>): Instance {
  const { graph } = frame;
  bindFreshDims(
    frame,
    decl.params.map((p) => p.type),
  );
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
