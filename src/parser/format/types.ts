/** Types, dims, parameters, patterns and binds as prettier documents. */
import type { Doc } from 'prettier';
import { builders } from 'prettier/doc';
import { CompilerBug } from '../../support/diagnostic.ts';
import type { Bind, DimExpr, Identifier, Param, Pattern, TypeExpr } from '../ast.ts';
import { quote } from '../literals.ts';
import { expression, operand } from './expressions.ts';
import { list, type Layout } from './layout.ts';

const { join } = builders;

/** A type. */
export function typeDoc(cx: Layout, type: TypeExpr): Doc {
  switch (type.kind) {
    case 'tensor-type':
      return [type.dtype?.name ?? '', list(cx, ['[', ']'], type.dims, (dim) => dimDoc(cx, dim))];
    case 'named-type':
      return type.path.map(({ name }) => name).join('.');
    case 'literal-type':
      return type.value.kind === 'string' ? quote(type.value.value) : type.value.text;
    case 'tuple-type':
      return list(cx, ['(', ')'], type.elements, ({ name, type: element }) => [
        name === null ? '' : `${name.name}: `,
        typeDoc(cx, element),
      ]);
    case 'fn-type':
      return ['fn', list(cx, ['(', ')'], type.params, (param) => typeDoc(cx, param)), ' -> ', part(cx, type.result)];
    case 'list-type':
      return type.element === null ? 'list' : ['list[', typeDoc(cx, type.element), ']'];
    case 'layer-type':
      return 'layer';
    case 'optional-type':
      return [optionalPart(cx, type.type), '?'];
    case 'union-type':
      return join(
        ' | ',
        type.types.map((member) => part(cx, member)),
      );
    case 'error-type':
      throw new CompilerBug('a type with an error cannot be formatted', type.span);
  }
}

/** A member of a union or the result of a function type: a union needs parentheses. */
function part(cx: Layout, type: TypeExpr): Doc {
  return type.kind === 'union-type' ? ['(', typeDoc(cx, type), ')'] : typeDoc(cx, type);
}

/** What stands before `?`; a function type would take the `?` into its result. */
function optionalPart(cx: Layout, type: TypeExpr): Doc {
  const isOpen = type.kind === 'union-type' || type.kind === 'fn-type' || type.kind === 'optional-type';
  return isOpen ? ['(', typeDoc(cx, type), ')'] : typeDoc(cx, type);
}

function dimDoc(cx: Layout, dim: DimExpr): Doc {
  switch (dim.kind) {
    case 'pack-dim':
      return `...${dim.name?.name ?? ''}`;
    case 'any-dim':
      return '_';
    case 'expr-dim':
      return expression(cx, dim.value);
  }
}

/** `(a: T, b: U = default)`. */
export function paramsDoc(cx: Layout, params: readonly Param[]): Doc {
  return list(cx, ['(', ')'], params, (param) => [
    `${param.name.name}: `,
    typeDoc(cx, param.type),
    param.default === null ? '' : [' = ', expression(cx, param.default)],
  ]);
}

/** `[T: dtype]`, or nothing. */
export function genericsDoc(generics: readonly Identifier[]): Doc {
  return generics.length === 0 ? '' : `[${generics.map(({ name }) => `${name}: dtype`).join(', ')}]`;
}

/** A pattern of a `let`, `for` or `fold`. */
export function patternDoc(pattern: Pattern): string {
  switch (pattern.kind) {
    case 'name-pattern':
      return pattern.name;
    case 'wildcard-pattern':
      return '_';
    case 'tuple-pattern':
      return `(${pattern.elements.map(patternDoc).join(', ')})`;
  }
}

/** The binds of a loop, separated by commas. */
export function bindsDoc(cx: Layout, binds: readonly Bind[]): Doc {
  return join(
    ', ',
    binds.map((bind) => {
      if (bind.kind === 'range-bind') return [bind.name.name, ' < ', operand(cx, bind.limit, 'sum')];
      const along = bind.along === null ? '' : ` along ${bind.along.text}`;
      return [patternDoc(bind.pattern), ' in ', operand(cx, bind.over, 'pipe'), along];
    }),
  );
}
