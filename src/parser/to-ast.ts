/**
 * Concrete tree → syntax tree: the file, its declarations, members and statements. What recovery could not make
 * sense of is left out; the error is already reported.
 */
import type { CstNode, IToken } from 'chevrotain';
import { messages } from '../support/messages.gen.ts';
import { createSpan, type Span } from '../support/source.ts';
import type {
  AssertStatement,
  Attribute,
  Declaration,
  DeclarationBase,
  Expr,
  File,
  FnDecl,
  ImportDecl,
  ImportName,
  LetStatement,
  Member,
  SlotMember,
  Statement,
  TrainMember,
  UnitDecl,
  UpdateStatement,
} from './ast.ts';
import { emptySpan, identifier, nodeOf, nodes, spanOf, startOf, tokenOf, tokens, type Conversion } from './cst.ts';
import { stringLiteral } from './literals.ts';
import { args, block, expr } from './to-ast-expr.ts';
import { binds, generics, params, pattern, type } from './to-ast-type.ts';

/** The syntax tree of a file. */
export function file(cx: Conversion, node: CstNode | undefined): File {
  const items = nodes(node, 'item').flatMap((child): (ImportDecl | Declaration)[] => {
    const found = item(cx, child);
    return found === null ? [] : [found];
  });
  return {
    kind: 'file',
    span: createSpan(cx.source, 0, cx.source.text.length),
    imports: items.filter((found) => found.kind === 'import'),
    declarations: items.filter((found) => found.kind !== 'import'),
    items,
  };
}

function item(cx: Conversion, node: CstNode): ImportDecl | Declaration | null {
  const imported = nodeOf(node, 'importDecl');
  if (imported !== undefined) return importDecl(cx, imported, spanOf(cx, node, startOf(node)), attributes(cx, node));
  return declaration(cx, node, declarationBase(cx, node));
}

function declaration(cx: Conversion, node: CstNode, base: DeclarationBase): Declaration | null {
  const near = base.span.start;
  const child = (name: string): CstNode | undefined => nodeOf(node, name);
  const constant = child('constDecl');
  if (constant !== undefined) {
    return {
      ...base,
      kind: 'const',
      name: identifier(cx, tokenOf(constant, 'Name'), near),
      type: optionalType(cx, constant),
      value: expr(cx, nodeOf(constant, 'expr'), base.span.end),
    };
  }
  const alias = child('typeDecl');
  if (alias !== undefined) {
    const name = identifier(cx, tokenOf(alias, 'Name'), near);
    const parameters = generics(cx, nodeOf(alias, 'generics'));
    return {
      ...base,
      kind: 'type-decl',
      name,
      generics: parameters,
      value: type(cx, nodeOf(alias, 'type'), base.span.end),
    };
  }
  const fn = child('fnDecl');
  if (fn !== undefined) return fnDecl(cx, fn, base);
  const unit = child('unitDecl');
  if (unit !== undefined) return unitDecl(cx, unit, base);
  const train = child('trainDecl');
  if (train !== undefined) {
    const name = identifier(cx, tokenOf(train, 'Name'), near);
    return { ...base, kind: 'train', name, params: params(cx, nodeOf(train, 'params')), members: trainBody(cx, train) };
  }
  const test = child('testDecl');
  if (test === undefined) return null;
  return {
    ...base,
    kind: 'test',
    name: stringLiteral(cx, tokenOf(test, 'Text'), near),
    forall: binds(cx, nodeOf(test, 'binds')),
    body: block(cx, nodeOf(test, 'block'), base.span.end),
  };
}

function importDecl(cx: Conversion, node: CstNode, span: Span, found: readonly Attribute[]): ImportDecl {
  const names = nodes(node, 'importName').map((child): ImportName => {
    const [name, alias] = tokens(child, 'Name');
    const place = spanOf(cx, child, span.start);
    return {
      kind: 'import-name',
      span: place,
      name: identifier(cx, name, place.start),
      alias: alias === undefined ? null : identifier(cx, alias, place.end),
    };
  });
  const star = tokenOf(node, 'Times');
  const namespace = star === undefined ? null : identifier(cx, tokenOf(node, 'Name'), span.end);
  return {
    kind: 'import',
    span,
    attributes: found,
    names,
    namespace,
    from: stringLiteral(cx, tokenOf(node, 'Text'), span.end),
  };
}

function declarationBase(cx: Conversion, node: CstNode): DeclarationBase {
  const span = spanOf(cx, node, startOf(node));
  return {
    span,
    doc: cx.docBefore(span.start),
    attributes: attributes(cx, node),
    exported: tokenOf(node, 'word:export') !== undefined,
  };
}

function attributes(cx: Conversion, node: CstNode): readonly Attribute[] {
  return nodes(node, 'attribute').map((child): Attribute => {
    const span = spanOf(cx, child, startOf(child));
    const list = nodeOf(child, 'args');
    const name = identifier(cx, tokenOf(child, 'Name'), span.end);
    return { kind: 'attribute', span, name, args: list === undefined ? null : args(cx, list) };
  });
}

function optionalType(cx: Conversion, node: CstNode): ReturnType<typeof type> | null {
  const colon = tokenOf(node, 'Colon');
  return colon === undefined ? null : type(cx, nodeOf(node, 'type'), colon.startOffset + 1);
}

function requirements(cx: Conversion, node: CstNode): readonly Expr[] {
  const found = nodeOf(node, 'requirements');
  return nodes(found, 'expr').map((fact) => expr(cx, fact, startOf(fact)));
}

function fnDecl(cx: Conversion, node: CstNode, base: DeclarationBase): FnDecl {
  const { span } = base;
  const body = nodeOf(node, 'block');
  return {
    ...base,
    kind: 'fn',
    name: identifier(cx, tokenOf(node, 'Name'), span.start),
    generics: generics(cx, nodeOf(node, 'generics')),
    params: params(cx, nodeOf(node, 'params')),
    result: tokenOf(node, 'Arrow') === undefined ? null : type(cx, nodeOf(node, 'type'), span.end),
    requires: requirements(cx, node),
    body: body === undefined ? expr(cx, nodeOf(node, 'expr'), span.end) : block(cx, body, span.end),
  };
}

function unitDecl(cx: Conversion, node: CstNode, base: DeclarationBase): UnitDecl {
  return {
    ...base,
    kind: 'unit',
    unit: (tokenOf(node, 'unit')?.image ?? 'layer') as UnitDecl['unit'],
    name: identifier(cx, tokenOf(node, 'Name'), base.span.start),
    params: params(cx, nodeOf(node, 'params')),
    requires: requirements(cx, node),
    members: nodes(node, 'member').flatMap((child) => member(cx, child) ?? []),
  };
}

function member(cx: Conversion, node: CstNode): Member | null {
  const base = declarationBase(cx, node);
  const { span, doc } = base;
  const fn = nodeOf(node, 'fnDecl');
  if (fn !== undefined) return fnDecl(cx, fn, base);
  const slot = nodeOf(node, 'slotMember');
  if (slot !== undefined) return slotMember(cx, slot, base);
  const statement = letOrAssert(cx, node);
  return statement === null ? null : { ...statement, span, doc, attributes: base.attributes };
}

function letOrAssert(cx: Conversion, node: CstNode): LetStatement | AssertStatement | null {
  const bound = nodeOf(node, 'letStatement');
  if (bound !== undefined) return letStatement(cx, bound);
  const asserted = nodeOf(node, 'assertStatement');
  return asserted === undefined ? null : assertStatement(cx, asserted);
}

function slotMember(cx: Conversion, node: CstNode, base: DeclarationBase): SlotMember {
  const { span, doc } = base;
  const init = tokenOf(node, 'Assign');
  return {
    kind: 'slot',
    span,
    doc,
    attributes: base.attributes,
    slot: (tokenOf(node, 'slot')?.image ?? 'param') as SlotMember['slot'],
    name: identifier(cx, tokenOf(node, 'Name'), span.start),
    type: type(cx, nodeOf(node, 'type'), span.end),
    init: init === undefined ? null : expr(cx, nodeOf(node, 'expr'), init.startOffset + 1),
    when: condition(cx, node),
  };
}

function condition(cx: Conversion, node: CstNode): Expr | null {
  const found = nodeOf(node, 'condition');
  return found === undefined ? null : expr(cx, nodeOf(found, 'expr'), startOf(found) + 4);
}

function trainBody(cx: Conversion, node: CstNode): readonly TrainMember[] {
  return nodes(nodeOf(node, 'trainBody'), 'trainMember').flatMap((child) => trainMember(cx, child) ?? []);
}

function trainMember(cx: Conversion, node: CstNode): TrainMember | null {
  for (const found of nodes(node, 'attribute')) {
    const span = spanOf(cx, found, startOf(found));
    cx.reporter.report(messages.E0110(span, { modifier: 'an attribute', what: 'a member of a `train`' }));
  }
  const span = spanOf(cx, node, startOf(node));
  const doc = cx.docBefore(span.start);
  const bound = nodeOf(node, 'letStatement');
  if (bound !== undefined) return { ...letStatement(cx, bound), doc, attributes: [] };
  const updated = nodeOf(node, 'updateStatement');
  if (updated !== undefined) return { ...updateStatement(cx, updated), doc };
  const batch = nodeOf(node, 'batchMember');
  if (batch !== undefined)
    return { kind: 'batch', span, doc, inputs: nodes(batch, 'batchInput').map((input) => batchInput(cx, input)) };
  return actionMember(cx, node, span, doc);
}

function batchInput(
  cx: Conversion,
  node: CstNode,
): { kind: 'batch-input'; span: Span; name: ReturnType<typeof identifier>; type: ReturnType<typeof type> } {
  const span = spanOf(cx, node, startOf(node));
  const name = identifier(cx, tokenOf(node, 'Name'), span.start);
  return { kind: 'batch-input', span, name, type: type(cx, nodeOf(node, 'type'), span.end) };
}

function actionMember(cx: Conversion, node: CstNode, span: Span, doc: string | null): TrainMember | null {
  const optimize = nodeOf(node, 'optimizeMember');
  if (optimize !== undefined) {
    return {
      kind: 'optimize',
      span,
      doc,
      direction: tokenOf(optimize, 'direction')?.image === 'maximize' ? 'maximize' : 'minimize',
      loss: expr(cx, nodeOf(optimize, 'loss'), span.end),
      of: nodes(optimize, 'of').map((target) => expr(cx, target, startOf(target))),
      using: expr(cx, nodeOf(optimize, 'using'), span.end),
    };
  }
  const step = nodeOf(node, 'stepMember');
  if (step !== undefined) {
    const list = nodeOf(step, 'args');
    const name = identifier(cx, tokenOf(step, 'Name'), span.start + 4);
    return {
      kind: 'step',
      span,
      doc,
      name,
      args: list === undefined ? null : args(cx, list),
      members: trainBody(cx, step),
    };
  }
  const metric = nodeOf(node, 'metricMember');
  if (metric === undefined) return null;
  const name = identifier(cx, tokenOf(metric, 'Name'), span.start + 6);
  return { kind: 'metric', span, doc, name, value: expr(cx, nodeOf(metric, 'expr'), span.end) };
}

/** A statement of a block, or null where nothing of it is left. */
export function statement(cx: Conversion, node: CstNode): Statement | null {
  const updated = nodeOf(node, 'updateStatement');
  return updated === undefined ? letOrAssert(cx, node) : updateStatement(cx, updated);
}

function letStatement(cx: Conversion, node: CstNode): LetStatement {
  const span = spanOf(cx, node, startOf(node));
  return {
    kind: 'let',
    span,
    pattern: pattern(cx, nodeOf(node, 'pattern'), span.start + 3),
    type: optionalType(cx, node),
    value: expr(cx, nodeOf(node, 'expr'), span.end),
  };
}

function updateStatement(cx: Conversion, node: CstNode): UpdateStatement {
  const span = spanOf(cx, node, startOf(node));
  const path = tokens(node, 'path').map((token: IToken) => identifier(cx, token, span.start));
  const missing = { kind: 'identifier', span: emptySpan(cx, span.start + 6), name: '' } as const;
  return {
    kind: 'update',
    span,
    path: path.length === 0 ? [missing] : path,
    value: expr(cx, nodeOf(node, 'expr'), span.end),
    when: condition(cx, node),
  };
}

function assertStatement(cx: Conversion, node: CstNode): AssertStatement {
  const span = spanOf(cx, node, startOf(node));
  const comma = tokenOf(node, 'Comma');
  return {
    kind: 'assert',
    span,
    condition: expr(cx, nodeOf(node, 'expr'), span.end),
    message: comma === undefined ? null : stringLiteral(cx, tokenOf(node, 'Text'), span.end),
  };
}
