// Slips in the order of layers, seen in `x |> a |> b` and `b(a(x))`: dropout on the result of a model (W1302), and a
// bias that batch normalisation takes away again (W1303). Layers are those of std/nn, by the member that holds them.
import type { CallExpr, Expr, LetMember, NameExpr, UnitDecl } from '../parser/ast.ts';
import { messages } from '../support/messages.gen.ts';
import type { Span } from '../support/source.ts';
import type { Session } from './frame.ts';
import { mentions } from './mentions.ts';
import type { Module } from './modules.ts';

/** Warnings about the layers of one unit. */
export function lintChains(session: Session, unit: UnitDecl, module: Module): void {
  const layers = new Map(unit.members.flatMap((member) => layerOf(member, module)));
  if (unit.unit === 'model') lintResults(session, unit, layers);
  lintBiases(session, unit, layers);
}

/** The constructor call of a member, and the name that std/nn knows the layer by. */
interface Layer {
  readonly type: string;
  readonly call: CallExpr;
}

function layerOf(member: UnitDecl['members'][number], module: Module): [string, Layer][] {
  if (member.kind !== 'let' || member.pattern.kind !== 'name-pattern') return [];
  const call = constructorCall(member);
  const found = call && module.scope.has(call.callee.name) ? module.scope.lookup(call.callee.name) : undefined;
  if (!call || found?.kind !== 'unit' || !found.decl.span.source.name.startsWith('std/')) return [];
  return [[member.pattern.name, { type: found.decl.name.name, call }]];
}

function constructorCall({ value }: LetMember): (CallExpr & { readonly callee: NameExpr }) | undefined {
  return value.kind === 'call' && value.callee.kind === 'name' ? { ...value, callee: value.callee } : undefined;
}

/** The function that is applied last, and what it is applied to. */
function lastStage(expr: Expr): { readonly name: string; readonly span: Span; readonly value: Expr } | undefined {
  if (expr.kind === 'pipe' && expr.stage.kind === 'name')
    return { name: expr.stage.name, span: expr.stage.span, value: expr.value };
  if (expr.kind !== 'call' || expr.callee.kind !== 'name') return undefined;
  const [argument] = expr.args;
  if (!argument || argument.name || argument.value.kind === 'hole') return undefined;
  return { name: expr.callee.name, span: expr.callee.span, value: argument.value };
}

const resultOf = (expr: Expr | null): Expr | null => (expr?.kind === 'block' ? resultOf(expr.result) : expr);

function lintResults(session: Session, unit: UnitDecl, layers: ReadonlyMap<string, Layer>): void {
  for (const member of unit.members) {
    if (member.kind !== 'fn' || !member.exported) continue;
    const result = resultOf(member.body);
    const last = result && lastStage(result);
    if (!last || !/^Dropout(\dd)?$/.test(layers.get(last.name)?.type ?? '')) continue;
    session.report(
      messages.W1302(last.span, {
        helps: [{ text: `end with the layer before it, or put \`${last.name}\` between layers` }],
      }),
    );
  }
}

const isBiased = ({ type, call }: Layer): boolean =>
  /^(Linear|Conv(Transpose)?\dd)$/.test(type) &&
  call.args.every(({ name }) => name?.name !== 'bias') &&
  call.args.filter(({ name }) => !name).length <= (type === 'Linear' ? 2 : 6);

// Only where every use of the layer is normalised: elsewhere its bias counts.
function lintBiases(session: Session, unit: UnitDecl, layers: ReadonlyMap<string, Layer>): void {
  const normalised = new Map<string, Span[]>();
  for (const expr of calls(unit.members)) {
    const outer = lastStage(expr);
    const inner = outer && lastStage(outer.value);
    if (!inner || !/^BatchNorm(\dd)?$/.test(layers.get(outer.name)?.type ?? '')) continue;
    const layer = layers.get(inner.name);
    if (layer && isBiased(layer)) normalised.set(inner.name, [...(normalised.get(inner.name) ?? []), outer.span]);
  }
  if (normalised.size === 0) return;
  const uses = mentions(unit.members);
  for (const [name, places] of normalised) {
    const layer = layers.get(name);
    const [place] = places;
    if (!layer || !place || uses.get(name)?.length !== places.length) continue;
    const { span } = layer.call;
    session.report(
      messages.W1303(
        span,
        { layer: name },
        {
          secondary: [{ span: place, label: 'subtracts the mean, and the bias with it' }],
          helps: [
            {
              text: 'write `bias=false`',
              fix: { edits: [{ span: { ...span, start: span.end - 1, end: span.end - 1 }, text: ', bias=false' }] },
            },
          ],
        },
      ),
    );
  }
}

// Every expression below a part of the tree that may apply a layer.
function calls(node: unknown, into: Expr[] = []): readonly Expr[] {
  if (Array.isArray(node)) for (const item of node) calls(item, into);
  else if (typeof node === 'object' && node !== null && 'kind' in node) {
    if (node.kind === 'pipe' || node.kind === 'call') into.push(node as Expr);
    for (const [key, value] of Object.entries(node))
      if (key !== 'span' && typeof value === 'object') calls(value, into);
  }
  return into;
}
