// Layers, models and optimizers as values: construction from config, members in textual order, and the
// checkpoint path of every parameter. Two paths to one slot are one weight (sharing, ties).
import { isFloat } from '../ir/dtype.ts';
import type { TensorType, Value as GraphValue } from '../ir/graph.ts';
import type { Attribute, Expr, LetMember, SlotMember, TypeExpr, UnitDecl } from '../parser/ast.ts';
import { messages } from '../support/messages.gen.ts';
import { spanText, type Span } from '../support/source.ts';
import { bindParameters, matchArguments, type Arguments } from './arguments.ts';
import { bindPattern, checkAssert, evaluate, evaluateAnnotated } from './expressions/evaluate.ts';
import { elementwiseSelect } from './expressions/select.ts';
import { NeedsGraph, stretch, toTensor } from './expressions/tensors.ts';
import { cacheFrame, enterSession } from './caches.ts';
import { equalDims } from './dims.ts';
import { readRule, type ParameterRule } from './parameter-rules.ts';
import { emptySignature, reject, Rejected, report, spend, type Frame } from './frame.ts';
import type { GraphContext } from './graph-context.ts';
import { asFloat, floatOf, isFloatType, precisionInside, type Precision } from './precision.ts';
import { quantizationInside, type Quantization, readQuantization } from './quantize.ts';
import { checkRequirement } from './requirements.ts';
import { Scope } from './scope.ts';
import { graphType } from './types.ts';
import { describe, none, typeText, unknown, type Value } from './values.ts';

/** A parameter, state or cache of an instance. Compared by identity: a shared slot is one tensor. */
export interface Slot {
  readonly name: string;
  readonly role: 'param' | 'state' | 'cache';
  readonly type: TensorType;
  readonly init: Expr | null;
  /** Where the initialiser is evaluated. */
  readonly frame: Frame;
  readonly frozen: boolean;
  /** Declared as `[…]`: read as what `float` means to the reader. */
  readonly float: boolean;
  /** How it is stored, where not as it is. */
  readonly quantization: Quantization | undefined;
  readonly span: Span;
}

/** The value of a slot as this frame reads it. */
export function readSlot(frame: Frame, graph: GraphContext, slot: Slot): GraphValue {
  const value = graph.read(slot);
  return slot.float ? asFloat(graph.builder, value, floatOf(frame)) : value;
}

/** A constructed layer, model or optimizer. */
export interface Instance {
  readonly decl: UnitDecl;
  readonly config: ReadonlyMap<string, Value>;
  /** Where config was given at the construction. */
  readonly configSpans: ReadonlyMap<string, Span>;
  /** Members by name in textual order: values, parameters (`parameter` or `none`), functions. */
  readonly members: Map<string, Value>;
  /** Members that are frozen by `@freeze`. */
  readonly frozen: ReadonlySet<string>;
  /** Key given by `@name`, by member. */
  readonly keys: ReadonlyMap<string, string>;
  /** What `@regularize` and `@constrain` ask of the parameters of a member. */
  readonly rules: ReadonlyMap<string, readonly ParameterRule[]>;
  readonly scope: Scope;
  readonly training?: boolean;
  /** Set by `@remat`: calls compute their inner values again in the backward pass. */
  readonly remat?: boolean;
  /** What `float` means in its functions. */
  readonly precision?: Precision | undefined;
  readonly span: Span;
}

/** Evaluations that one construction counts as. */
const constructionCost = 20;

/** Calls a constructor. */
export function construct(frame: Frame, decl: UnitDecl, scope: Scope, args: Arguments, span: Span): Value {
  if (frame.graph !== null && decl.unit !== 'optimizer' && !frame.graph.mayConstruct)
    return rejectBody(frame, decl, span);
  if (frame.session.broken.has(decl)) return unknown;
  if (frame.constructing.includes(decl)) {
    frame.session.broken.add(decl);
    const names = [...frame.constructing.slice(frame.constructing.indexOf(decl)), decl].map((d) => d.name.name);
    return reject(frame, messages.E0106(span, { name: decl.name.name, verb: 'contains', cycle: names.join(' -> ') }));
  }
  const callee = { name: decl.name.name, what: decl.unit, span, text: decl.name.name };
  const given = matchArguments(frame, decl.params, args, callee, span);
  if (!given || [...given.values()].some((arg) => arg.value.kind === 'unknown')) return unknown;
  const inner: Frame = {
    ...frame,
    scope: new Scope(scope),
    signature: emptySignature(),
    precision: precisionInside({ ...frame, scope }, decl.attributes),
    quantization: quantizationInside({ ...frame, scope }, decl.attributes),
    fn: null,
    instance: null,
    constructing: [...frame.constructing, decl],
    caller: { frame, span },
    depth: frame.depth + 1,
  };
  if (!bindParameters(inner, frame, decl.params, given, callee, null)) return unknown;
  if (decl.requires.map((requirement) => checkRequirement(inner, requirement, frame, span)).includes(false))
    return unknown;
  frame.session.constructed.add(decl);
  spend(frame, span, constructionCost);
  const configSpans = new Map([...given].map(([param, arg]) => [param.name.name, arg.span]));
  const instance = buildMembers(inner, decl, configSpans, span);
  return decl.unit === 'optimizer'
    ? { kind: 'optimizer', instance, options: new Map() }
    : { kind: 'instance', instance };
}

function rejectBody(frame: Frame, decl: UnitDecl, span: Span): never {
  const name = decl.name.name.charAt(0).toLowerCase() + decl.name.name.slice(1);
  const text = spanText(span);
  const member = `let ${name} = ${text}`;
  const fn = frame.fn;
  const at = fn && frame.instance && fn.span.source === span.source ? fn.span : null;
  const fix = at
    ? {
        fix: {
          edits: [
            { span: { ...at, end: at.start }, text: `${member}\n  ` },
            { span, text: name },
          ],
        },
      }
    : {};
  reject(
    frame,
    messages.E0501(
      span,
      { function: fn?.name.name ?? 'the body of a train' },
      {
        label: 'its parameters would have no name and be new on every call',
        helps: [{ text: `declare it as a member: \`${member}\``, ...fix }],
      },
    ),
  );
}

/** Evaluates the members of a unit whose config is bound in the scope of `frame`. */
export function buildMembers(
  frame: Frame,
  decl: UnitDecl,
  configSpans: ReadonlyMap<string, Span>,
  span: Span,
): Instance {
  const config = new Map(decl.params.map((p) => [p.name.name, frame.scope.lookup(p.name.name) ?? unknown]));
  const methods = new Scope(frame.scope);
  const lets = new Scope(frame.scope);
  const members = new Map<string, Value>();
  const frozen = new Set<string>();
  const keys = new Map<string, string>();
  const rules = new Map<string, readonly ParameterRule[]>();
  const { precision } = frame;
  const instance: Instance = {
    decl,
    config,
    configSpans,
    members,
    frozen,
    keys,
    rules,
    scope: methods,
    precision,
    span,
  };
  const inner: Frame = { ...frame, scope: lets, instance };
  const define = (name: string, value: Value, at: Span): void => {
    if (members.has(name)) report(frame, messages.E0204(at, { name }));
    members.set(name, value);
    methods.define(name, value);
  };
  for (const member of decl.members) {
    if (member.kind === 'fn') {
      define(member.name.name, { kind: 'fn', decl: member, scope: methods, instance }, member.name.span);
      continue;
    }
    const attributes = readAttributes(inner, member.attributes);
    const around: Frame = { ...inner, quantization: quantizationInside(inner, member.attributes) };
    const before = new Set(members.keys());
    guarded(() => {
      if (member.kind === 'slot') define(member.name.name, makeSlot(around, member), member.name.span);
      else if (member.kind === 'assert') checkAssert(inner, member.condition, member.message?.value);
      else evaluateLet(around, member, attributes.remat ? (n, value, at) => define(n, recomputed(value), at) : define);
    });
    if (member.kind === 'slot' && !members.has(member.name.name)) define(member.name.name, unknown, member.name.span);
    if (member.kind === 'slot' && members.get(member.name.name)?.kind === 'unknown') hideDims(methods, member.type);
    for (const name of members.keys()) {
      if (before.has(name)) continue;
      if (attributes.freeze) frozen.add(name);
      if (attributes.name !== null) keys.set(name, attributes.name);
      if (attributes.rules.length > 0) rules.set(name, attributes.rules);
    }
  }
  return instance;
}

// `@remat` covers the layers of a list too.
function recomputed(value: Value): Value {
  if (value.kind === 'instance') return { kind: 'instance', instance: { ...value.instance, remat: true } };
  return value.kind === 'list' ? { ...value, items: value.items.map(recomputed) } : value;
}

function guarded(body: () => void): void {
  try {
    body();
  } catch (error) {
    if (!(error instanceof Rejected)) throw error;
  }
}

// Dims that only a failed member would have bound are unknown too.
function hideDims(scope: Scope, type: TypeExpr): void {
  if (type.kind !== 'tensor-type') return;
  for (const entry of type.dims)
    if (entry.kind === 'expr-dim' && entry.value.kind === 'name' && scope.lookup(entry.value.name) === undefined)
      scope.define(entry.value.name, unknown);
}

interface Attributes {
  readonly freeze: boolean;
  readonly name: string | null;
  /** Calls of the member compute their inner values again in the backward pass. */
  readonly remat: boolean;
  readonly rules: readonly ParameterRule[];
}

function readAttributes(frame: Frame, attributes: readonly Attribute[]): Attributes {
  let [freeze, name, remat]: [boolean, string | null, boolean] = [false, null, false];
  const rules: ParameterRule[] = [];
  for (const attribute of attributes) {
    const [arg] = attribute.args ?? [];
    if (attribute.name.name === 'freeze') freeze = true;
    else if (attribute.name.name === 'remat' && !attribute.args) remat = true;
    else if (attribute.name.name === 'quantize') readQuantization(frame, attribute);
    else if (attribute.name.name === 'name' && arg?.value.kind === 'string') name = arg.value.value;
    else if (attribute.name.name === 'regularize' || attribute.name.name === 'constrain') {
      const rule = readRule(frame, attribute);
      if (rule) rules.push(rule);
    } else
      report(
        frame,
        messages.E0212(
          attribute.name.span,
          { name: attribute.name.name },
          {
            notes: [
              'members take `@freeze`, `@quantize`, `@remat`, `@name("key")`, `@regularize(f)` and `@constrain(f)`',
            ],
          },
        ),
      );
  }
  return { freeze, name, remat, rules };
}

// A member that needs tensors is computed anew in every graph that reads it.
function evaluateLet(frame: Frame, member: LetMember, define: (name: string, value: Value, at: Span) => void): void {
  let value: Value;
  try {
    value = evaluateAnnotated(frame, member);
    if (value.kind === 'tensor' && value.slot) value = { kind: 'parameter', slot: value.slot };
  } catch (error) {
    if (!(error instanceof NeedsGraph)) throw error;
    const { scope } = frame;
    value = {
      kind: 'computed',
      make: (reader) =>
        evaluateAnnotated(
          { ...frame, scope, graph: reader.graph, keys: reader.keys, training: reader.training },
          member,
        ),
    };
  }
  const names = new Scope();
  bindPattern({ ...frame, scope: names }, member.pattern, value);
  for (const name of names.names()) {
    const bound = names.lookup(name) ?? unknown;
    frame.scope.define(name, bound);
    define(name, bound, member.pattern.span);
  }
}

function makeSlot(frame: Frame, member: SlotMember): Value {
  if (member.when) {
    const when = evaluate(frame, member.when);
    if (when.kind === 'bool' && !when.value) return none;
    if (when.kind === 'unknown') return unknown;
    if (when.kind === 'tensor' && frame.graph?.standalone && frame.graph.hangsOnConfig(when.value)) {
      frame.session.undecided.push(member.span);
      return unknown;
    }
    if (when.kind !== 'bool')
      return reject(frame, messages.E0404(member.when.span, { what: 'the condition of a parameter' }));
  }
  const type = graphType(member.slot === 'cache' ? cacheFrame(frame, member) : storing(frame), member.type);
  if (!type) return unknown;
  const isMatrix = member.slot === 'param' && isFloat(type.dtype) && type.shape.length >= 2;
  const quantization = isMatrix ? frame.quantization : undefined;
  const slot: Slot = {
    name: member.name.name,
    role: member.slot,
    type: quantization ? { ...type, dtype: 'f32' } : type,
    quantization,
    init: member.init,
    frame,
    span: member.name.span,
    frozen: member.attributes.some((a) => a.name.name === 'freeze'),
    float: isFloatType(member.type),
  };
  return { kind: 'parameter', slot };
}

// Parameters and states lie in memory as `params`; caches as they are computed.
function storing(frame: Frame): Frame {
  const { precision } = frame;
  return precision ? { ...frame, precision: { ...precision, compute: precision.params } } : frame;
}

/** The same instance with some members replaced, or in another mode. */
export function overridden(
  base: Instance,
  changes: ReadonlyMap<string, Value>,
  training: boolean | undefined,
): Instance {
  const scope = new Scope(base.scope);
  const members = new Map(base.members);
  const mode = training ?? base.training;
  const instance: Instance = { ...base, members, scope, ...(mode === undefined ? {} : { training: mode }) };
  for (const [name, value] of changes) members.set(name, value);
  for (const [name, value] of members) {
    if (value.kind === 'fn') {
      const own: Value = { ...value, scope, instance };
      members.set(name, own);
      scope.define(name, own);
    } else scope.define(name, value);
  }
  return instance;
}

/** Paths of every slot below an instance, in textual order of members. */
export interface PathTable {
  readonly paths: Map<Slot, string>;
  readonly aliases: Map<Slot, string[]>;
  readonly frozen: Set<Slot>;
}

/** Walks the members of `instance` and gives each slot its first path; later ones are aliases. */
export function collectPaths(
  instance: Instance,
  prefix = '',
  table: PathTable = { paths: new Map(), aliases: new Map(), frozen: new Set() },
  frozen = false,
): PathTable {
  for (const [name, value] of instance.config)
    if (!instance.members.has(name)) collectValue(value, prefix + name, table, frozen);
  for (const [name, value] of instance.members) {
    const key = instance.keys.get(name) ?? name;
    const isFrozen = frozen || instance.frozen.has(name);
    if (key.includes('{')) collectNamed(value, prefix, key, table, isFrozen);
    else collectValue(value, prefix + key, table, isFrozen);
  }
  return table;
}

function collectValue(value: Value, path: string, table: PathTable, frozen: boolean): void {
  if (value.kind === 'parameter') addPath(table, value.slot, path, frozen);
  else if (value.kind === 'instance') collectPaths(value.instance, `${path}.`, table, frozen);
  else if (value.kind === 'list' || value.kind === 'tuple')
    value.items.forEach((item, i) => collectValue(item, `${path}.${i}`, table, frozen));
}

function addPath(table: PathTable, slot: Slot, path: string, frozen: boolean): void {
  const first = table.paths.get(slot);
  if (first === undefined) table.paths.set(slot, path);
  else if (first !== path) table.aliases.set(slot, [...(table.aliases.get(slot) ?? []), path]);
  if (frozen || slot.frozen) table.frozen.add(slot);
}

// `@name("{path}_l{index}")`: the key of everything below a member, from its path there and its place in the
// list, counted from 0 or (`{number}`) from 1.
function collectNamed(value: Value, prefix: string, template: string, table: PathTable, frozen: boolean): void {
  const items = value.kind === 'list' || value.kind === 'tuple' ? value.items : [value];
  items.forEach((item, i) => {
    const own = template.replaceAll('{index}', String(i)).replaceAll('{number}', String(i + 1));
    if (item.kind !== 'instance') return collectValue(item, prefix + own, table, frozen);
    const below = collectPaths(item.instance, '', undefined, frozen);
    for (const [slot, path] of below.paths) {
      addPath(table, slot, prefix + own.replaceAll('{path}', path), below.frozen.has(slot));
    }
  });
}

/** `update state = value when condition`: the new value is seen below and committed at the end. */
export function writeSlot(frame: Frame, slot: Slot, value: Value, when: Value, span: Span): void {
  if (value.kind === 'unknown' || when.kind === 'unknown' || (when.kind === 'bool' && !when.value)) return;
  const { graph } = frame;
  if (!graph) throw new NeedsGraph();
  enterSession(frame, slot);
  const before = graph.read(slot);
  const next = asFloat(graph.builder, toTensor(frame, value, before.type.dtype, span), before.type.dtype);
  const fits =
    next.type.dtype === before.type.dtype &&
    next.type.shape.length === before.type.shape.length &&
    next.type.shape.every((d, i) => {
      const own = before.type.shape[i];
      return own && equalDims(frame, d, own) === 'proved';
    });
  if (!fits && !(next.type.shape.length === 0 && next.type.dtype === before.type.dtype))
    return reject(
      frame,
      messages.E0402(span, {
        what: `the new value of \`${slot.name}\``,
        expected: typeText(before.type, true),
        got: typeText(next.type, true),
      }),
    );
  const shaped = stretch(frame, next, before.type.shape);
  if (when.kind === 'bool') return graph.write(slot, shaped);
  if (when.kind !== 'tensor') return reject(frame, messages.E0406(span, { got: describe(when) }));
  graph.write(slot, elementwiseSelect(frame, when.value, shaped, before));
}
