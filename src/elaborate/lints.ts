// What is legal and probably a slip: config that nothing reads, a dim that is one edit from another.
// Also E0504, a parameter that no entry and no train reads, and I0110, what no config checks.
import type { Declaration, FnDecl, Param, UnitDecl } from '../parser/ast.ts';
import type { GraphFunction } from '../ir/graph.ts';
import { isDType } from '../ir/dtype.ts';
import { messages } from '../support/messages.gen.ts';
import type { Span } from '../support/source.ts';
import type { Session } from './frame.ts';
import { lintChains } from './lint-chains.ts';
import { isNode, mentions } from './mentions.ts';
import type { Model } from './models.ts';
import type { Module } from './modules.ts';
import { editDistance } from './spelling.ts';

/** Warnings about one file. */
export function lintModule(session: Session, module: Module): void {
  const mentioned = mentionedBy(module.file.declarations);
  for (const declaration of module.file.declarations) {
    if (declaration.kind === 'fn') lintDims(session, declaration);
    if (declaration.kind !== 'unit') continue;
    lintConfig(session, declaration, mentioned);
    lintChains(session, declaration, module);
    for (const member of declaration.members) if (member.kind === 'fn') lintDims(session, member);
  }
}

// Config may also be read from outside, as in `net.inputs`: `mentioned` says which declarations name it.
function lintConfig(session: Session, unit: UnitDecl, mentioned: ReadonlyMap<string, ReadonlySet<Declaration>>): void {
  if (unit.params.length === 0) return;
  const used = mentions([unit.members, unit.requires, unit.params.map((p) => [p.type, p.default])]);
  for (const param of unit.params) {
    const { name, span } = param.name;
    const elsewhere = [...(mentioned.get(name) ?? [])].some((declaration) => declaration !== unit);
    if (name !== '' && !used.has(name) && !elsewhere)
      session.report(messages.W1202(span, { name, unit: unit.name.name }));
  }
}

function mentionedBy(declarations: readonly Declaration[]): ReadonlyMap<string, ReadonlySet<Declaration>> {
  const found = new Map<string, Set<Declaration>>();
  for (const declaration of declarations)
    for (const name of mentions(declaration).keys()) found.set(name, (found.get(name) ?? new Set()).add(declaration));
  return found;
}

function lintDims(session: Session, fn: FnDecl): void {
  const names = mentions(fn);
  const dims = new Set<string>();
  collectDims(
    fn.params.map((p) => p.type),
    dims,
  );
  for (const name of dims) {
    const places = names.get(name) ?? [];
    const [place] = places;
    if (name.length < 3 || places.length !== 1 || !place) continue;
    const other = [...dims].find(
      (d) => d !== name && d.length > 2 && (names.get(d)?.length ?? 0) > 1 && editDistance(d, name) === 1,
    );
    if (other !== undefined)
      session.report(
        messages.W1201(
          place,
          { dim: name, other },
          { helps: [{ text: `write \`${other}\` if that is meant`, fix: { edits: [{ span: place, text: other }] } }] },
        ),
      );
  }
}

function collectDims(node: unknown, into: Set<string>): void {
  if (Array.isArray(node)) for (const item of node) collectDims(item, into);
  else if (isNode(node)) {
    if (
      node.kind === 'expr-dim' &&
      'value' in node &&
      isNode(node.value) &&
      node.value.kind === 'name' &&
      node.value.name &&
      !isDType(node.value.name)
    )
      into.add(node.value.name);
    for (const [key, value] of Object.entries(node))
      if (key !== 'span' && typeof value === 'object') collectDims(value, into);
  }
}

/** E0504 for parameters of a model that none of its functions reads. */
export function reportUnused(
  session: Session,
  model: Model,
  functions: readonly GraphFunction[],
  prefixes: readonly string[],
): void {
  const read = new Set(
    functions.filter((fn) => fn.kind !== 'init').flatMap((fn) => fn.inputs.map((input) => input.name)),
  );
  for (const [slot, path] of model.table.paths) {
    if (slot.role !== 'param' || prefixes.some((prefix) => read.has(prefix + path))) continue;
    session.report(messages.E0504(slot.frame.caller?.span ?? slot.span, { path }));
  }
}

/** I0110 for layers that nothing constructs, where config without a default leaves some of them open. */
export function reportUnchecked(session: Session, module: Module): void {
  for (const unit of module.file.declarations) {
    if (unit.kind !== 'unit' || unit.unit !== 'layer' || session.constructed.has(unit)) continue;
    const open = unit.params.filter(isOpen);
    const chosen = unit.members.filter((member) => session.undecided.some((place) => contains(member.span, place)));
    const parts = dependents(unit, new Set(open.map(({ name }) => name.name)), new Set(chosen));
    if (parts.length === 0) continue;
    const [first] = open;
    const [place] = session.undecided.filter((at) => contains(unit.span, at));
    session.report(
      messages.I0110(
        unit.name.span,
        { parts: parts.map((part) => `\`${part}\``).join(', ') },
        {
          secondary: first
            ? [{ span: first.span, label: 'may be anything' }]
            : place
              ? [{ span: place, label: 'config decides which' }]
              : [],
        },
      ),
    );
  }
}

const contains = (outer: Span, inner: Span): boolean =>
  outer.source === inner.source && outer.start <= inner.start && inner.end <= outer.end;

// An int is a symbol and an optional is `none`; of anything else without a default, nothing is known.
const isOpen = ({ type, default: fallback }: Param): boolean =>
  fallback === null &&
  !['tensor-type', 'optional-type', 'error-type'].includes(type.kind) &&
  !(type.kind === 'named-type' && type.path[0]?.name === 'int');

// Members that read open config or that config selects, themselves or through a member above.
function dependents(
  unit: UnitDecl,
  open: Set<string>,
  chosen: ReadonlySet<UnitDecl['members'][number]>,
): readonly string[] {
  const found: string[] = [];
  for (const member of unit.members) {
    if (member.kind === 'assert') continue;
    if (!chosen.has(member) && ![...mentions(member).keys()].some((name) => open.has(name))) continue;
    const name =
      member.kind === 'let' ? (member.pattern.kind === 'name-pattern' ? member.pattern.name : '') : member.name.name;
    if (name === '') continue;
    open.add(name);
    found.push(name);
  }
  return found;
}
