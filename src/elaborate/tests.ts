// `test` declarations of a file as cases to run: for values of the `forall` binds, a graph whose results are
// the asserts that depend on tensors, with the weights of the layers that the test constructs.
import { asConstant } from '../ir/dim.ts';
import type { GraphFunction, Node, Value as GraphValue } from '../ir/graph.ts';
import type { Expr, Statement, TestDecl } from '../parser/ast.ts';
import { Reporter, type Diagnostic } from '../support/diagnostic.ts';
import { messages } from '../support/messages.gen.ts';
import { spanText, type Span } from '../support/source.ts';
import { createSession, whole, type ElaborateOptions } from './elaborate.ts';
import { bindLet, checkAssert, evaluate, runStatements } from './expressions/evaluate.ts';
import { toTensor } from './expressions/tensors.ts';
import { reject, type Frame, type Session } from './frame.ts';
import { GraphContext } from './graph-context.ts';
import type { Slot } from './instances.ts';
import { guarded, initialValues, rootFrame } from './models.ts';
import { Modules, type FileHost } from './modules.ts';
import type { Scope } from './scope.ts';
import { int } from './values.ts';

/** A `test` of a program, and the values that its `forall` draws from. */
export interface DeclaredTest {
  readonly name: string;
  readonly span: Span;
  readonly binds: readonly { readonly name: string; readonly values: readonly number[] }[];
}

/** One assert that a run decides: the result of this name is true where it holds. */
export interface RunAssert {
  readonly result: string;
  readonly span: Span;
  readonly message: string;
  /** Where it compares two tensors: their text, and the results that show them and where the comparison holds. */
  readonly sides?: Comparison;
}

/** Both sides of a comparison, element by element. */
export interface Comparison {
  readonly texts: readonly [string, string];
  readonly results: readonly [string, string];
  readonly holds: string;
}

/** A test for values of its binds. Where a diagnostic is an error, the case has failed already. */
export interface TestCase {
  readonly diagnostics: readonly Diagnostic[];
  readonly fn: GraphFunction;
  /** Initialises the inputs of `fn` that are weights. */
  readonly init: GraphFunction | null;
  readonly asserts: readonly RunAssert[];
}

/** The tests of one root file. */
export interface DeclaredTests {
  readonly tests: readonly DeclaredTest[];
  /** Errors in the binds of tests. */
  readonly diagnostics: readonly Diagnostic[];
  /** One case of a test: a value for each bind. */
  instantiate(test: DeclaredTest, values: readonly number[]): TestCase;
}

interface Opened {
  readonly session: Session;
  readonly reporter: Reporter;
  readonly scope: Scope;
  readonly declarations: readonly TestDecl[];
}

/** The tests that the file `root` declares. */
export function elaborateTests(files: FileHost, root: string, options: ElaborateOptions = {}): DeclaredTests {
  const first = open(files, root, options);
  const found = first?.declarations.map((decl) => ({ decl, test: guarded(() => describeTest(first, decl)) })) ?? [];
  const tests = found.flatMap(({ test }) => test ?? []);
  return {
    tests,
    diagnostics: first?.reporter.diagnostics ?? [],
    instantiate(test, values) {
      const opened = open(files, root, options);
      const at = found.findIndex((each) => each.test === test);
      const decl = opened?.declarations[at];
      if (!opened || !decl) throw new RangeError(`no test "${test.name}" in ${root}`);
      return instantiate(opened, decl, test, values);
    },
  };
}

// Every case has a session of its own, so that errors of one say nothing about another. Texts are parsed once.
function open(files: FileHost, root: string, { set = {} }: ElaborateOptions): Opened | null {
  const reporter = new Reporter();
  const modules = new Modules(files, (prelude) => createSession(reporter, prelude, new Map(Object.entries(set))));
  const session = modules.start();
  const module = modules.load(root, session);
  if (!module) return null;
  const declarations = module.file.declarations.filter((d): d is TestDecl => d.kind === 'test');
  return { session, reporter, scope: module.scope, declarations };
}

function describeTest({ session, scope }: Opened, decl: TestDecl): DeclaredTest {
  const graph = new GraphContext(decl.name.value, 'entry', session.holes, new Map());
  const frame = rootFrame(session, graph, scope, null, null, false);
  const binds = decl.forall.map((bind) => {
    const name = bind.kind === 'in-bind' && bind.pattern.kind === 'name-pattern' ? bind.pattern.name : undefined;
    const over = bind.kind === 'in-bind' ? evaluate(frame, bind.over) : undefined;
    const items = over?.kind === 'list' ? over.items : [];
    const values = items.flatMap((item) => (item.kind === 'int' ? (asConstant(item.dim) ?? []) : []));
    if (name === undefined || values.length === 0 || values.length < items.length)
      return reject(frame, messages.E0404(bind.span, { what: 'the range of a `forall`' }));
    return { name, values };
  });
  return { name: decl.name.value, span: decl.name.span, binds };
}

/** Knows every slot that a test constructs, and gives those that it reads a name of their own. */
class SlotPaths extends Map<Slot, string> {
  override has(): boolean {
    return true;
  }

  override get(slot: Slot): string {
    const path = super.get(slot) ?? `${this.size}.${slot.name}`;
    this.set(slot, path);
    return path;
  }
}

function instantiate(opened: Opened, decl: TestDecl, test: DeclaredTest, values: readonly number[]): TestCase {
  const { session, reporter, scope } = opened;
  const paths = new SlotPaths();
  const graph = new GraphContext(test.name, 'entry', session.holes, paths);
  graph.mayConstruct = true;
  const frame = rootFrame(session, graph, scope, null, null, false);
  test.binds.forEach(({ name }, at) => frame.scope.define(name, int(values[at] ?? 0)));
  const asserts: RunAssert[] = [];
  const init = whole(() => {
    for (const statement of decl.body.statements) guarded(() => runStatement(frame, decl, statement, asserts));
    return initialise(session, test.name, paths);
  });
  return { diagnostics: reporter.diagnostics, fn: graph.finish(), init, asserts };
}

function runStatement(frame: Frame, { body }: TestDecl, statement: Statement, asserts: RunAssert[]): void {
  if (statement.kind === 'let') bindLet(frame, statement);
  else if (statement.kind === 'assert') addAssert(frame, statement.condition, statement.message?.value, asserts);
  else runStatements(frame, { ...body, statements: [statement], result: null });
}

// A static assert is decided here; one over a tensor is a result, true where all elements are.
function addAssert(frame: Frame, condition: Expr, message: string | undefined, asserts: RunAssert[]): void {
  const value = evaluate(frame, condition);
  if (value.kind === 'unknown') return;
  if (value.kind !== 'tensor' || !frame.graph) return checkAssert(frame, condition, message);
  const { builder } = frame.graph;
  const tensor = toTensor(frame, value, undefined, condition.span);
  if (tensor.type.dtype !== 'bool')
    return reject(frame, messages.E0404(condition.span, { what: 'the condition of an `assert`' }));
  const axes = tensor.type.shape.map((_, axis) => axis);
  const all = axes.length === 0 ? tensor : builder.op('reduce', [tensor], { kind: 'and', axes });
  const result = `assert.${asserts.length}`;
  frame.graph.results.push({ name: result, role: 'output', value: all });
  const sides = comparisonOf(frame.graph, condition, tensor, result);
  const about = sides ? { sides } : {};
  asserts.push({ result, span: condition.span, message: message ?? spanText(condition.span), ...about });
}

const comparisons: readonly string[] = ['==', '!=', '<', '<=', '>', '>='];

// `a < b`, also inside `all(…)`: the operands of its node become results, to be shown where it fails.
function comparisonOf(
  graph: GraphContext,
  condition: Expr,
  decided: GraphValue,
  result: string,
): Comparison | undefined {
  const [inner] = condition.kind === 'call' ? condition.args : [];
  const expr = inner && inner.value.kind !== 'hole' ? inner.value : condition;
  if (expr.kind !== 'binary' || !comparisons.includes(expr.operator)) return undefined;
  const made = (value: GraphValue): Node | undefined => graph.builder.nodes.find((n) => n.outputs.includes(value));
  let node = made(decided);
  while (node?.op === 'reduce' && node.inputs[0]) node = made(node.inputs[0]);
  const [left, right] = node?.inputs ?? [];
  if (!node || !left || !right || !['lt', 'le', 'eq', 'ne'].includes(node.op)) return undefined;
  const texts = [spanText(expr.left.span), spanText(expr.right.span)] as const;
  const results = [`${result}.left`, `${result}.right`] as const;
  const holds = `${result}.holds`;
  for (const [name, value] of [
    [results[0], left],
    [results[1], right],
    [holds, node.outputs[0] ?? decided],
  ] as const)
    graph.results.push({ name, role: 'output', value });
  return { texts: expr.operator.startsWith('>') ? [texts[1], texts[0]] : texts, results, holds };
}

// An initialiser may itself read no slot, so one pass over the slots is enough.
function initialise(session: Session, name: string, paths: ReadonlyMap<Slot, string>): GraphFunction {
  const graph = new GraphContext(`${name} init`, 'init', session.holes, paths);
  for (const [slot, path] of paths) {
    graph.results.push(...(guarded(() => initialValues(session, graph, slot, path)) ?? []));
  }
  return graph.finish();
}
