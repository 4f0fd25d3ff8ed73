/** Files, declarations and members as prettier documents. Runs of member `let`s have their `=` aligned. */
import type { Doc } from 'prettier';
import { builders } from 'prettier/doc';
import type {
  Attribute,
  Declaration,
  Expr,
  File,
  FnDecl,
  ImportDecl,
  LetMember,
  Member,
  OptimizeMember,
  SlotMember,
  TrainMember,
  UnitDecl,
} from '../ast.ts';
import { quote } from '../literals.ts';
import {
  argsDoc,
  assertDoc,
  assigned,
  blockDoc,
  bodyAfterEquals,
  expression,
  letDoc,
  updateDoc,
} from './expressions.ts';
import { blankBefore, body, braced, commented, type Layout, list, type Line } from './layout.ts';
import { bindsDoc, genericsDoc, paramsDoc, patternDoc, typeDoc } from './types.ts';

const { group, hardline, indent, join, line } = builders;

/** A whole file; ends in a line break unless it is empty. */
export function fileDoc(cx: Layout, file: File): Doc {
  const lines = file.items.map((node): Line => ({ node, doc: itemDoc(cx, node), apart: standsApart(node) }));
  const docs = body(cx, lines, file.items);
  return docs.length === 0 ? '' : [...docs, hardline];
}

function standsApart(item: ImportDecl | Declaration): boolean {
  return (
    item.kind === 'unit' ||
    item.kind === 'train' ||
    item.kind === 'test' ||
    (item.kind === 'fn' && item.body.kind === 'block')
  );
}

function itemDoc(cx: Layout, item: ImportDecl | Declaration): Doc {
  const attributes = item.attributes.map((attribute): Doc => [attributeDoc(cx, attribute), hardline]);
  if (item.kind === 'import') return [...attributes, importDoc(cx, item)];
  return [...attributes, item.exported ? 'export ' : '', declarationDoc(cx, item)];
}

function attributeDoc(cx: Layout, { name, args }: Attribute): Doc {
  return ['@', name.name, args === null ? '' : argsDoc(cx, args)];
}

function importDoc(cx: Layout, { names, namespace, from }: ImportDecl): Doc {
  const what =
    namespace === null
      ? list(
          cx,
          ['{', '}'],
          names,
          ({ name, alias }) => (alias === null ? name.name : `${name.name} as ${alias.name}`),
          true,
        )
      : `* as ${namespace.name}`;
  return ['import ', what, ' from ', quote(from.value)];
}

function declarationDoc(cx: Layout, declaration: Declaration): Doc {
  switch (declaration.kind) {
    case 'const': {
      const type = declaration.type === null ? '' : [': ', typeDoc(cx, declaration.type)];
      return ['const ', declaration.name.name, type, ' =', assigned(cx, declaration.value)];
    }
    case 'type-decl':
      return ['type ', declaration.name.name, genericsDoc(declaration.generics), ' = ', typeDoc(cx, declaration.value)];
    case 'fn':
      return fnDoc(cx, declaration);
    case 'unit':
      return unitDoc(cx, declaration);
    case 'train':
      return [
        'train ',
        declaration.name.name,
        paramsDoc(cx, declaration.params),
        ' ',
        trainBody(cx, declaration.members),
      ];
    case 'test': {
      const forall = declaration.forall.length === 0 ? '' : [' forall ', bindsDoc(cx, declaration.forall)];
      return ['test ', quote(declaration.name.value), forall, ' ', blockDoc(cx, declaration.body)];
    }
  }
}

function fnDoc(cx: Layout, fn: FnDecl): Doc {
  const result = fn.result === null ? '' : group(indent([line, '-> ', typeDoc(cx, fn.result)]));
  const head = [
    'fn ',
    fn.name.name,
    genericsDoc(fn.generics),
    paramsDoc(cx, fn.params),
    result,
    requiresDoc(cx, fn.requires),
  ];
  return fn.body.kind === 'block'
    ? [...head, ' ', blockDoc(cx, fn.body)]
    : [...head, ' =', bodyAfterEquals(cx, fn.body)];
}

function requiresDoc(cx: Layout, facts: readonly Expr[]): Doc {
  if (facts.length === 0) return '';
  return group(
    indent([
      line,
      'requires ',
      join(
        ', ',
        facts.map((fact) => expression(cx, fact)),
      ),
    ]),
  );
}

function unitDoc(cx: Layout, unit: UnitDecl): Doc {
  const head = [unit.unit, ' ', unit.name.name, paramsDoc(cx, unit.params), requiresDoc(cx, unit.requires), ' '];
  const widths = alignedWidths(cx, unit.members);
  const lines = unit.members.map((node, i) => ({ node, doc: memberDoc(cx, node, widths[i] ?? 0) }));
  return [...head, braced(body(cx, lines, unit.members))];
}

function memberDoc(cx: Layout, member: Member, width: number): Doc {
  const attributes = member.attributes.map((attribute): Doc => [attributeDoc(cx, attribute), ' ']);
  switch (member.kind) {
    case 'fn':
      return [...attributes, member.exported ? 'export ' : '', fnDoc(cx, member)];
    case 'slot':
      return [...attributes, slotDoc(cx, member)];
    case 'let':
      return [...attributes, letDoc(cx, member, width)];
    case 'assert':
      return [...attributes, assertDoc(cx, member)];
  }
}

function slotDoc(cx: Layout, { slot, name, type, init, when }: SlotMember): Doc {
  const start = [slot, ' ', name.name, ': ', typeDoc(cx, type)];
  return [
    ...start,
    init === null ? '' : [' =', assigned(cx, init)],
    when === null ? '' : [' when ', expression(cx, when)],
  ];
}

function trainBody(cx: Layout, members: readonly TrainMember[]): Doc {
  const widths = alignedWidths(cx, members);
  return braced(
    body(
      cx,
      members.map((node, i) => ({ node, doc: trainMemberDoc(cx, node, widths[i] ?? 0) })),
      members,
    ),
  );
}

function trainMemberDoc(cx: Layout, member: TrainMember, width: number): Doc {
  switch (member.kind) {
    case 'let':
      return letDoc(cx, member, width);
    case 'update':
      return updateDoc(cx, member);
    case 'metric':
      return ['metric ', member.name.name, ' =', assigned(cx, member.value)];
    case 'optimize':
      return optimizeDoc(cx, member);
    case 'step': {
      const args = member.args === null ? '' : argsDoc(cx, member.args);
      return ['step ', member.name.name, args, ' ', trainBody(cx, member.members)];
    }
    case 'batch': {
      const inputs = member.inputs.map((input, i) => {
        const comma = i === member.inputs.length - 1 ? '' : ',';
        return commented(cx, input, [input.name.name, ': ', typeDoc(cx, input.type), comma]);
      });
      return group(['batch ', indent(join(line, inputs))]);
    }
  }
}

function optimizeDoc(cx: Layout, { direction, loss, of, using }: OptimizeMember): Doc {
  const targets =
    of.length === 0
      ? []
      : [
          line,
          'of ',
          join(
            ', ',
            of.map((target) => expression(cx, target)),
          ),
        ];
  return group([direction, ' ', expression(cx, loss), indent([...targets, line, 'using ', expression(cx, using)])]);
}

/** The width of the names in each run of plain `let`s without a blank line or comment between them. */
function alignedWidths(cx: Layout, members: readonly (Member | TrainMember)[]): readonly number[] {
  const widths = members.map(() => 0);
  let start = 0;
  for (let i = 0; i <= members.length; i++) {
    const member = members[i];
    const continues =
      member !== undefined &&
      isPlainLet(member) &&
      (i === start || (!blankBefore(cx, member) && !cx.attached.leading.has(member)));
    if (continues) continue;
    const run = members.slice(start, i).filter(isPlainLet);
    const width = Math.max(0, ...run.map(({ pattern }) => patternDoc(pattern).length));
    widths.fill(width, start, i);
    start = member !== undefined && isPlainLet(member) ? i : i + 1;
  }
  return widths;
}

function isPlainLet(member: Member | TrainMember): member is LetMember {
  return (
    member.kind === 'let' &&
    member.type === null &&
    member.pattern.kind === 'name-pattern' &&
    member.attributes.length === 0
  );
}
