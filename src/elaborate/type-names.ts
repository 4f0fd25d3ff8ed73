// Every type that a file writes must exist, also where nothing comes to use it: the default of a parameter,
// a function that no one calls.
import type { Declaration, NamedType, TensorType } from '../parser/ast.ts';
import { isDType } from '../ir/dtype.ts';
import { basicTypes, lookupPath, unknownType } from './aliases.ts';
import type { Session } from './frame.ts';
import { isNode } from './mentions.ts';
import type { Scope } from './scope.ts';

/** Reports the types of a declaration that its file does not know. */
export function checkTypeNames(session: Session, declaration: Declaration, scope: Scope): void {
  walk(declaration, new Set(), (type, local) => {
    const first = type.kind === 'tensor-type' ? type.dtype : type.path[0];
    if (!first || first.name === '' || first.name === 'float' || local.has(first.name)) return;
    const isWord = type.kind === 'tensor-type' ? isDType(first.name) : basicTypes.includes(first.name);
    const found = type.kind === 'tensor-type' ? scope.lookup(first.name) : lookupPath(scope, type);
    const kinds = type.kind === 'tensor-type' ? ['type', 'dtype', 'unknown'] : ['type', 'unit', 'unknown'];
    if (isWord || (found && kinds.includes(found.kind))) return;
    const span = type.kind === 'named-type' ? type.span : first.span;
    session.report(unknownType(scope, { ...first, span }, type.kind === 'tensor-type' ? 'dtype' : 'type'));
  });
}

type Visit = (type: TensorType | NamedType, local: ReadonlySet<string>) => void;

// Names of parameters and generics may stand for dtypes inside.
function walk(node: unknown, local: ReadonlySet<string>, visit: Visit): void {
  if (Array.isArray(node)) return node.forEach((item) => walk(item, local, visit));
  if (!isNode(node)) return;
  if (isType(node)) visit(node, local);
  const inner = new Set([...local, ...declaredBy(node)]);
  for (const [key, value] of Object.entries(node))
    if (key !== 'span' && typeof value === 'object') walk(value, inner, visit);
}

const isType = (node: object): node is TensorType | NamedType =>
  'kind' in node && (node.kind === 'tensor-type' || node.kind === 'named-type');

function declaredBy(node: object): readonly string[] {
  const lists = ['params', 'generics'].map((key) => (key in node ? (node as Record<string, unknown>)[key] : []));
  return lists.flat().flatMap((item) => {
    if (!isNode(item)) return [];
    if (item.kind === 'identifier') return item.name ?? [];
    const own: unknown = 'name' in item ? item.name : undefined;
    return isNode(own) && own.name !== undefined ? [own.name] : [];
  });
}
