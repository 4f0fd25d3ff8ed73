// Models as compile roots: construction from defaults and settings, entry points, initialisation.
import type {
  EntryInfo,
  FunctionResult,
  GraphFunction,
  ModelInfo,
  ParameterInfo,
  Structure,
  Value as GraphValue,
} from '../ir/graph.ts';
import type { FnDecl, UnitDecl } from '../parser/ast.ts';
import { asVariable, one, product, type Dim } from '../ir/dim.ts';
import { messages } from '../support/messages.gen.ts';
import type { Span } from '../support/source.ts';
import { callValue, checkResult } from './calls.ts';
import { equalDims } from './dims.ts';
import { evaluate, read } from './expressions/evaluate.ts';
import { graphOf, NeedsGraph, stretch, toTensor } from './expressions/tensors.ts';
import { emptySignature, Rejected, reject, report, type Frame, type Mode, type Session } from './frame.ts';
import { GraphContext, KeySite, resolveHoles, scaleName } from './graph-context.ts';
import { collectPaths, construct, type Instance, type PathTable, type Slot } from './instances.ts';
import { staticFrame } from './modules.ts';
import { asFloat, precisionInside } from './precision.ts';
import { quantize, storedTypes } from './quantize.ts';
import { assumeRequirement } from './requirements.ts';
import { Scope } from './scope.ts';
import { sessionNames } from './caches.ts';
import { Trace } from './trace.ts';
import { hasPack, isCount, settingValue, staticKind, symbolicArguments } from './signatures.ts';
import { describe, int, list, tensor, typeText, type GivenArgument, type Value } from './values.ts';

/** A model with its config fixed, and the paths of its parameters. */
export interface Model {
  readonly decl: UnitDecl;
  readonly instance: Instance;
  readonly table: PathTable;
}

/** Constructs a model from `--set` values and defaults; null where config is missing or wrong. */
export function constructModel(session: Session, decl: UnitDecl, scope: Scope): Model | null {
  const frame = staticFrame(session, scope);
  const named = new Map<string, GivenArgument & { readonly nameSpan: typeof decl.span }>();
  for (const param of decl.params) {
    const setting = `${decl.name.name}.${param.name.name}`;
    const text = session.settings.get(setting);
    if (text === undefined) continue;
    const value = settingValue(frame, param.type, text);
    if (value) named.set(param.name.name, { value, span: param.name.span, nameSpan: param.name.span });
    else
      session.report(
        messages.E0402(param.name.span, { what: `\`--set ${setting}\``, expected: 'a value of its type', got: text }),
      );
  }
  if (decl.params.some((p) => !p.default && !named.has(p.name.name))) return null;
  const value = guarded(() => construct(frame, decl, scope, { positional: [], named }, decl.name.span), {
    session,
    span: decl.name.span,
    what: `the config of \`${decl.name.name}\``,
  });
  return value?.kind === 'instance' ? { decl, instance: value.instance, table: collectPaths(value.instance) } : null;
}

/** Runs `body`; null after a reported error. `at` is blamed where tensors are needed and there are none. */
export function guarded<T>(
  body: () => T,
  at?: { readonly session: Session; readonly span: Span; readonly what: string },
): T | null {
  try {
    return body();
  } catch (error) {
    if (error instanceof Rejected) return null;
    if (!(error instanceof NeedsGraph) || !at) throw error;
    at.session.report(messages.E0404(at.span, { what: at.what }));
    return null;
  }
}

/** The frame of a function that is elaborated by itself. */
export function rootFrame(
  session: Session,
  graph: GraphContext,
  scope: Scope,
  decl: FnDecl | null,
  instance: Instance | null,
  training: boolean,
): Frame {
  const signature = emptySignature();
  for (const generic of decl?.generics ?? []) signature.generics.set(generic.name, null);
  return {
    session,
    scope: new Scope(scope),
    signature,
    graph,
    keys: new KeySite(graph, ''),
    training,
    precision: precisionOf(session, scope, decl, instance),
    fn: decl,
    instance,
    constructing: [],
    caller: null,
    depth: 0,
  };
}

function precisionOf(
  session: Session,
  scope: Scope,
  decl: FnDecl | null,
  instance: Instance | null,
): Frame['precision'] {
  const around: Frame = { ...staticFrame(session, scope), precision: instance?.precision };
  return decl ? precisionInside(around, decl.attributes) : around.precision;
}

/** Evaluates a function with inputs for its parameters: the common part of entries and checks. */
export function elaborateBody(frame: Frame, decl: FnDecl, given?: ReadonlySet<string>): Value | null {
  return guarded(() => {
    symbolicArguments(frame, decl, given);
    for (const clause of decl.requires) assumeRequirement(frame, clause);
    const outer = { ...frame, precision: undefined };
    return read(outer, checkResult(outer, decl, evaluate(frame, decl.body)));
  });
}

/** One entry point as a graph function, for calls that give these optional arguments and modes. Null after an error. */
export function elaborateEntry(
  session: Session,
  model: Model,
  decl: FnDecl,
  {
    name,
    given,
    modes,
  }: { readonly name: string; readonly given: ReadonlySet<string>; readonly modes: readonly Mode[] },
): { readonly fn: GraphFunction; readonly info: EntryInfo } | null {
  const graph = new GraphContext(name, 'entry', session.holes, model.table.paths);
  const trace = modes.includes('trace') ? new Trace(model.instance) : undefined;
  const frame: Frame = {
    ...rootFrame(session, graph, model.instance.scope, decl, model.instance, modes.includes('training')),
    ...(trace ? { trace } : {}),
  };
  if (!checkEntrySignature(frame, name, decl)) return null;
  const value = elaborateBody(frame, decl, given);
  if (!value || value.kind === 'unknown' || !checkDimsGiven(frame, name, decl)) return null;
  const returns = guarded(() => addOutputs(frame, value, decl, ''));
  if (!returns) return null;
  commitUpdates(graph);
  const made = { fn: ordered(graph.finish(), model.table), returns };
  const { fn, returns: all } = trace?.finish(made.fn, returns) ?? made;
  return { fn, info: { name, doc: decl.doc ?? '', returns: all, span: decl.span } };
}

// What the host cannot give: static values, dtypes, and tensors of any rank.
function checkEntrySignature(frame: Frame, name: string, decl: FnDecl): boolean {
  const refuse = (span: Span, reason: string, help: string): boolean => {
    report(frame, messages.E0901(span, { entry: name, reason }, { helps: [{ text: help }] }));
    return false;
  };
  const [generic] = decl.generics;
  if (generic)
    return refuse(
      generic.span,
      `\`${generic.name}\` is a dtype, which no call of the host chooses`,
      'write the dtype, such as `f32[n]`; functions that it calls may be generic',
    );
  const fine = decl.params.map((param) => {
    const own = `\`${param.name.name}\``;
    const bad = isCount(param) ? undefined : staticKind(frame, param.type);
    if (bad !== undefined && !param.default)
      return refuse(param.span, `${own} is ${bad}`, 'take a tensor such as `f32[]`, or make it config of the model');
    if (bad !== undefined || !hasPack(frame, param.type)) return true;
    return refuse(
      param.span,
      `${own} has any number of axes`,
      'write its axes, such as `[b, t]`; without `export` other functions can call it with any number of them',
    );
  });
  return !fine.includes(false);
}

// The host binds dims from the shapes of arguments, from whole numbers, and from the session.
function checkDimsGiven(frame: Frame, name: string, decl: FnDecl): boolean {
  const inputs = frame.graph?.inputs ?? [];
  const given = new Set([
    ...decl.params.filter(isCount).map((param) => param.name.name),
    ...inputs.flatMap(({ role, value }) => (role === 'argument' ? value.type.shape.map((d) => asVariable(d)) : [])),
    ...inputs.flatMap(({ role, value }) => (role === 'cache' ? sessionNames(value.type.shape) : [])),
  ]);
  const open = frame.graph?.dims.find((d) => !given.has(d.name));
  if (!open) return true;
  const param = decl.params.find((p) => p.name.name === open.name);
  report(
    frame,
    messages.E0901(
      param?.span ?? decl.name.span,
      { entry: name, reason: `no argument's shape gives \`${open.name}\`` },
      { helps: [{ text: `take a tensor that has an axis \`${open.name}\`` }] },
    ),
  );
  return false;
}

// Results get names from the structure: `result`, or `logits`, `0.h` inside tuples and lists.
function addOutputs(frame: Frame, value: Value, decl: FnDecl, path: string): Structure {
  if (value.kind === 'tuple' || value.kind === 'list') {
    const items = value.items.map((item, i) => {
      const name = value.kind === 'tuple' ? (value.names[i] ?? undefined) : undefined;
      const inner = addOutputs(frame, item, decl, `${path === '' ? '' : `${path}.`}${name ?? i}`);
      return name === undefined ? { item: inner } : { name, item: inner };
    });
    return { kind: value.kind, items };
  }
  if (value.kind === 'unknown') throw new Rejected();
  const accepted = ['tensor', 'int', 'real', 'bool', 'computed', 'parameter'].includes(value.kind);
  if (!accepted)
    return reject(
      frame,
      messages.E0901(decl.name.span, { entry: decl.name.name, reason: `it returns ${describe(value)}` }),
    );
  const result = path === '' ? 'result' : path;
  const x = toTensor(frame, value, undefined, decl.body.span);
  // Outside of the module an f16 is an f32.
  frame.graph?.results.push({ name: result, role: 'output', value: asFloat(graphOf(frame).builder, x, 'f32') });
  return { kind: 'tensor', result };
}

/** New values of states, as updates of their inputs. */
export function commitUpdates(graph: GraphContext): void {
  for (const slot of graph.updated) {
    graph.slotInput(slot);
    graph.results.push({ name: graph.paths.get(slot) ?? slot.name, role: 'update', value: graph.read(slot) });
  }
}

const roles = ['argument', 'param', 'state', 'cache', 'slot', 'option', 'iteration', 'key', 'step'];
const rank = (role: string): number => roles.indexOf(role);

/** Inputs in a fixed order: arguments as declared, then parameters in the order of the model, then the rest. */
export function ordered(fn: GraphFunction, table: Pick<PathTable, 'paths'>): GraphFunction {
  const places = new Map([...table.paths.values()].map((path, i) => [path, i]));
  const inputs = fn.inputs.toSorted(
    (a, b) => rank(a.role) - rank(b.role) || (places.get(a.name) ?? 0) - (places.get(b.name) ?? 0),
  );
  return { ...fn, inputs };
}

/** The function that makes every parameter and state from a key: `M.init`. */
export function elaborateInit(session: Session, model: Model): GraphFunction | null {
  const graph = new GraphContext(`${model.decl.name.name}.init`, 'init', session.holes, model.table.paths);
  let failed = false;
  for (const [slot, path] of model.table.paths) {
    if (slot.role === 'cache') continue;
    const values = guarded(() => initialValues(session, graph, slot, path));
    if (!values) failed = true;
    else graph.results.push(...values);
  }
  return failed ? null : graph.finish();
}

/** The initial value of one slot as it is stored. */
export function initialValues(session: Session, graph: GraphContext, slot: Slot, path: string): FunctionResult[] {
  const value = initialValue(session, graph, slot, path);
  if (!slot.quantization) return [{ name: path, role: 'update', value }];
  const [words, scales] = quantize(graph.builder, value, slot.quantization);
  return [
    { name: path, role: 'update', value: words },
    { name: scaleName(path), role: 'update', value: scales },
  ];
}

/** The initial value of one slot. Its key is the seed folded with the hash of its path. */
export function initialValue(session: Session, graph: GraphContext, slot: Slot, path: string): GraphValue {
  const keys = new KeySite(graph, path);
  const frame: Frame = { ...slot.frame, session, graph, keys, fn: null, precision: undefined };
  const shape = slot.type.shape.map((d) => resolveHoles(d, session.holes));
  const type = { dtype: slot.type.dtype, shape };
  if (!slot.init) {
    if (slot.role === 'param')
      return reject(
        frame,
        messages.E0205(
          slot.span,
          { what: 'param', callee: slot.name, argument: 'an initialiser' },
          { helps: [{ text: 'for example `= zeros()` or `= kaiming_uniform()`' }] },
        ),
      );
    return graph.builder.full(type.dtype, 0, shape);
  }
  const { init } = slot;
  const made = evaluate(frame, init);
  if (made.kind === 'unknown') throw new Rejected();
  const [fanIn, fanOut] = fans(shape);
  const isFunction = made.kind === 'fn' || made.kind === 'lambda' || made.kind === 'primitive';
  const value = isFunction
    ? callValue(
        frame,
        made,
        [list(shape.map((d) => int(d))), int(fanIn), int(fanOut), ...keyFor(made, keys)],
        init.span,
      )
    : made;
  if (value.kind === 'unknown') throw new Rejected();
  const x = toTensor(frame, value, type.dtype, init.span);
  const fits =
    x.type.shape.length === 0 ||
    (x.type.shape.length === shape.length &&
      x.type.shape.every((d, i) => {
        const own = shape[i];
        return own && equalDims(frame, d, own) === 'proved';
      }));
  if (!fits)
    return reject(
      frame,
      messages.E0402(init.span, {
        what: `the initial value of \`${slot.name}\``,
        expected: typeText(type, true),
        got: typeText(x.type, true),
      }),
    );
  return stretch(frame, graph.builder.cast(x, type.dtype), shape);
}

// An initialiser with a fourth parameter gets the two words of its key.
function keyFor(made: Value, keys: KeySite): readonly Value[] {
  if ((made.kind !== 'fn' && made.kind !== 'lambda') || made.decl.params.length < 4) return [];
  const { builder } = keys.graph;
  const words = keys.key().map((word) => builder.reshape(word, [one]));
  return [tensor(builder.op('concat', words, { axis: 0 }))];
}

// PyTorch's fans: [out, in, ...receptive field].
function fans(shape: readonly Dim[]): readonly [Dim, Dim] {
  const [out = one, inner = out, ...field] = shape;
  const receptive = product(field);
  return [product([inner, receptive]), product([out, receptive])];
}

/** What tools show of a model. */
export function modelInfo(session: Session, model: Model, entries: Readonly<Record<string, string>>): ModelInfo {
  const parameters = [...model.table.paths].flatMap(([slot, path]): ParameterInfo[] => {
    const { quantization } = slot;
    const type = { dtype: slot.type.dtype, shape: slot.type.shape.map((d) => resolveHoles(d, session.holes)) };
    const frozen = model.table.frozen.has(slot) || quantization !== undefined;
    const aliases = model.table.aliases.get(slot) ?? [];
    const info = { path, role: slot.role, span: slot.span, frozen, aliases, type };
    if (!quantization) return [info];
    const { words, scales } = storedTypes(type, quantization);
    const { bits, group } = quantization;
    return [
      { ...info, type: words, quantized: { type, bits, group } },
      { ...info, path: scaleName(path), aliases: [], type: scales, scaleOf: path },
    ];
  });
  const config = Object.fromEntries([...model.instance.config].map(([name, value]) => [name, describe(value)]));
  return {
    name: model.decl.name.name,
    doc: model.decl.doc ?? '',
    config,
    parameters,
    entries,
    init: `${model.decl.name.name}.init`,
  };
}

/** Reports `_` that no call solved; false if there are any. */
export function checkHoles(session: Session, model: Model): boolean {
  let solved = true;
  for (const [slot] of model.table.paths) {
    const open = slot.type.shape.map((d) => resolveHoles(d, session.holes)).find((d) => d.key.includes('%hole'));
    if (!open) continue;
    solved = false;
    session.report(
      messages.E0310(slot.frame.caller?.span ?? slot.span, {
        callee: `\`${slot.frame.instance?.decl.name.name ?? slot.name}\``,
      }),
    );
  }
  return solved;
}
