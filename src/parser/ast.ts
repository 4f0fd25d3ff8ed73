/**
 * The abstract syntax tree of a `.dlm` file: discriminated unions by `kind`, a `span` on every node.
 * It keeps what was written (names unresolved, types and dims as syntax, numbers with their text);
 * a part that could not be parsed is left out or is an `ErrorExpr`/`ErrorType`, already reported.
 */
import type { Span } from '../support/source.ts';

/** A name where it is written. `span` covers exactly the name; an absent name is `''` (already reported). */
export interface Identifier {
  readonly kind: 'identifier';
  readonly span: Span;
  readonly name: string;
}

/** A string literal: `value` is unescaped. */
export interface StringLiteral {
  readonly kind: 'string';
  readonly span: Span;
  readonly value: string;
}

/** A number literal. `isInteger` is false where it has a point or an exponent; `text` is as written. */
export interface NumberLiteral {
  readonly kind: 'number';
  readonly span: Span;
  readonly value: number;
  readonly isInteger: boolean;
  readonly text: string;
}

// ── file and declarations ──

/** A parsed file. */
export interface File {
  readonly kind: 'file';
  readonly span: Span;
  readonly imports: readonly ImportDecl[];
  readonly declarations: readonly Declaration[];
  /** Imports and declarations as they stand in the text. */
  readonly items: readonly (ImportDecl | Declaration)[];
}

/** `import { a, b as c } from "std/nn"` or `import * as F from "std/fn"` (then `namespace` is set). */
export interface ImportDecl {
  readonly kind: 'import';
  readonly span: Span;
  readonly attributes: readonly Attribute[];
  readonly names: readonly ImportName[];
  readonly namespace: Identifier | null;
  readonly from: StringLiteral;
}

/** One imported name; `alias` is the local name where it differs. */
export interface ImportName {
  readonly kind: 'import-name';
  readonly span: Span;
  readonly name: Identifier;
  readonly alias: Identifier | null;
}

/** `@name` or `@name(args)` before a declaration or member. */
export interface Attribute {
  readonly kind: 'attribute';
  readonly span: Span;
  readonly name: Identifier;
  /** null where there are no parentheses. */
  readonly args: readonly Argument[] | null;
}

/** What all declarations carry. `doc` is the text of the `///` lines before it, without slashes. */
export interface DeclarationBase {
  readonly span: Span;
  readonly doc: string | null;
  readonly attributes: readonly Attribute[];
  readonly exported: boolean;
}

/** Any top-level declaration. */
export type Declaration = ConstDecl | TypeDecl | FnDecl | UnitDecl | TrainDecl | TestDecl;

/** `const name: type = value`. */
export interface ConstDecl extends DeclarationBase {
  readonly kind: 'const';
  readonly name: Identifier;
  readonly type: TypeExpr | null;
  readonly value: Expr;
}

/** `type Name[T: dtype] = type`. */
export interface TypeDecl extends DeclarationBase {
  readonly kind: 'type-decl';
  readonly name: Identifier;
  readonly generics: readonly Identifier[];
  readonly value: TypeExpr;
}

/** `fn name[T: dtype](params) -> result requires facts = body` (or a block). Also a member of a unit. */
export interface FnDecl extends DeclarationBase {
  readonly kind: 'fn';
  readonly name: Identifier;
  readonly generics: readonly Identifier[];
  readonly params: readonly Param[];
  readonly result: TypeExpr | null;
  readonly requires: readonly Expr[];
  /** A `BlockExpr` where the body is written in braces. */
  readonly body: Expr;
}

/** `name: type = default` in a parameter list. */
export interface Param {
  readonly kind: 'param';
  readonly span: Span;
  readonly name: Identifier;
  readonly type: TypeExpr;
  readonly default: Expr | null;
}

/** `layer`, `model` or `optimizer` with its config parameters and members. */
export interface UnitDecl extends DeclarationBase {
  readonly kind: 'unit';
  readonly unit: 'layer' | 'model' | 'optimizer';
  readonly name: Identifier;
  readonly params: readonly Param[];
  readonly requires: readonly Expr[];
  readonly members: readonly Member[];
}

/** A member of a unit, in textual order. */
export type Member = SlotMember | LetMember | AssertMember | FnDecl;

/** `param|state|cache name: type = init when condition`. */
export interface SlotMember {
  readonly kind: 'slot';
  readonly span: Span;
  readonly doc: string | null;
  readonly attributes: readonly Attribute[];
  readonly slot: 'param' | 'state' | 'cache';
  readonly name: Identifier;
  readonly type: TypeExpr;
  readonly init: Expr | null;
  readonly when: Expr | null;
}

/** `let pattern: type = value` as a member of a unit or of a train. */
export interface LetMember {
  readonly kind: 'let';
  readonly span: Span;
  readonly doc: string | null;
  readonly attributes: readonly Attribute[];
  readonly pattern: Pattern;
  readonly type: TypeExpr | null;
  readonly value: Expr;
}

/** `assert condition, "message"` as a member. */
export interface AssertMember {
  readonly kind: 'assert';
  readonly span: Span;
  readonly doc: string | null;
  readonly attributes: readonly Attribute[];
  readonly condition: Expr;
  readonly message: StringLiteral | null;
}

/** `train Name(params) { members }`. */
export interface TrainDecl extends DeclarationBase {
  readonly kind: 'train';
  readonly name: Identifier;
  readonly params: readonly Param[];
  readonly members: readonly TrainMember[];
}

/** A member of a train or of one of its steps, in textual order. */
export type TrainMember = BatchMember | LetMember | OptimizeMember | UpdateMember | StepMember | MetricMember;

/** `batch x: [b, 784], y: i32[b]`. */
export interface BatchMember {
  readonly kind: 'batch';
  readonly span: Span;
  readonly doc: string | null;
  readonly inputs: readonly BatchInput[];
}

/** One input of a `batch`. */
export interface BatchInput {
  readonly kind: 'batch-input';
  readonly span: Span;
  readonly name: Identifier;
  readonly type: TypeExpr;
}

/** `minimize loss of a, b using optimizer`; `of` is empty where it is not written. */
export interface OptimizeMember {
  readonly kind: 'optimize';
  readonly span: Span;
  readonly doc: string | null;
  readonly direction: 'minimize' | 'maximize';
  readonly loss: Expr;
  readonly of: readonly Expr[];
  readonly using: Expr;
}

/** `update a.b.c = value when condition` in a train: `path` has at least one name. */
export interface UpdateMember {
  readonly kind: 'update';
  readonly span: Span;
  readonly doc: string | null;
  readonly path: readonly Identifier[];
  readonly value: Expr;
  readonly when: Expr | null;
}

/** `step name(args) { members }`. */
export interface StepMember {
  readonly kind: 'step';
  readonly span: Span;
  readonly doc: string | null;
  readonly name: Identifier;
  /** null where there are no parentheses. */
  readonly args: readonly Argument[] | null;
  readonly members: readonly TrainMember[];
}

/** `metric name = value`. */
export interface MetricMember {
  readonly kind: 'metric';
  readonly span: Span;
  readonly doc: string | null;
  readonly name: Identifier;
  readonly value: Expr;
}

/** `test "name" forall binds { body }`. */
export interface TestDecl extends DeclarationBase {
  readonly kind: 'test';
  readonly name: StringLiteral;
  readonly forall: readonly Bind[];
  readonly body: BlockExpr;
}

// ── statements of a block, patterns, binds ──

/** A statement of a block. */
export type Statement = LetStatement | UpdateStatement | AssertStatement;

/** `let pattern: type = value`. */
export interface LetStatement {
  readonly kind: 'let';
  readonly span: Span;
  readonly pattern: Pattern;
  readonly type: TypeExpr | null;
  readonly value: Expr;
}

/** `update name = value when condition` (a state or cache of this unit). */
export interface UpdateStatement {
  readonly kind: 'update';
  readonly span: Span;
  readonly path: readonly Identifier[];
  readonly value: Expr;
  readonly when: Expr | null;
}

/** `assert condition, "message"`. */
export interface AssertStatement {
  readonly kind: 'assert';
  readonly span: Span;
  readonly condition: Expr;
  readonly message: StringLiteral | null;
}

/** What a `let`, `for` or `fold` binds: a name, `_`, or a tuple of patterns. */
export type Pattern = NamePattern | WildcardPattern | TuplePattern;

/** A pattern that binds one name. */
export interface NamePattern {
  readonly kind: 'name-pattern';
  readonly span: Span;
  readonly name: string;
}

/** `_`. */
export interface WildcardPattern {
  readonly kind: 'wildcard-pattern';
  readonly span: Span;
}

/** `(a, b)`. */
export interface TuplePattern {
  readonly kind: 'tuple-pattern';
  readonly span: Span;
  readonly elements: readonly Pattern[];
}

/** What a loop runs over. */
export type Bind = RangeBind | InBind;

/** `i < n`: a run-time index. */
export interface RangeBind {
  readonly kind: 'range-bind';
  readonly span: Span;
  readonly name: Identifier;
  readonly limit: Expr;
}

/** `p in xs along k`: elements of a list, a static range or slices of a tensor. */
export interface InBind {
  readonly kind: 'in-bind';
  readonly span: Span;
  readonly pattern: Pattern;
  readonly over: Expr;
  /** The axis after `along` (may be written with a minus). */
  readonly along: NumberLiteral | null;
}

// ── types and dims ──

/** A type as written. */
export type TypeExpr =
  | TensorType
  | NamedType
  | LiteralType
  | TupleType
  | FnType
  | ListType
  | LayerType
  | OptionalType
  | UnionType
  | ErrorType;

/** `f32[b, n]`; `dtype` is null for `[b, n]`. `Foo[f32]` (an alias applied) parses the same way. */
export interface TensorType {
  readonly kind: 'tensor-type';
  readonly span: Span;
  readonly dtype: Identifier | null;
  readonly dims: readonly DimExpr[];
}

/** `int`, `Linear`, `F.Thing`: at least one name. */
export interface NamedType {
  readonly kind: 'named-type';
  readonly span: Span;
  readonly path: readonly Identifier[];
}

/** A literal in a union: `"same" | int`, `1 | 2`. */
export interface LiteralType {
  readonly kind: 'literal-type';
  readonly span: Span;
  readonly value: StringLiteral | NumberLiteral;
}

/** `(a: T, U)`; one unnamed element is only grouping and never makes a node. */
export interface TupleType {
  readonly kind: 'tuple-type';
  readonly span: Span;
  readonly elements: readonly TupleTypeElement[];
}

/** An element of a tuple type. */
export interface TupleTypeElement {
  readonly kind: 'tuple-type-element';
  readonly span: Span;
  readonly name: Identifier | null;
  readonly type: TypeExpr;
}

/** `fn(A, B) -> R`. */
export interface FnType {
  readonly kind: 'fn-type';
  readonly span: Span;
  readonly params: readonly TypeExpr[];
  readonly result: TypeExpr;
}

/** `list` or `list[T]`. */
export interface ListType {
  readonly kind: 'list-type';
  readonly span: Span;
  readonly element: TypeExpr | null;
}

/** `layer`: a constructor or an instance. */
export interface LayerType {
  readonly kind: 'layer-type';
  readonly span: Span;
}

/** `T?`. */
export interface OptionalType {
  readonly kind: 'optional-type';
  readonly span: Span;
  readonly type: TypeExpr;
}

/** `A | B | C`: two or more. */
export interface UnionType {
  readonly kind: 'union-type';
  readonly span: Span;
  readonly types: readonly TypeExpr[];
}

/** A type that could not be parsed; already reported. */
export interface ErrorType {
  readonly kind: 'error-type';
  readonly span: Span;
}

/** An entry between the brackets of a tensor type. */
export type DimExpr = PackDim | AnyDim | ExprDim;

/** `...` or `...s`. */
export interface PackDim {
  readonly kind: 'pack-dim';
  readonly span: Span;
  readonly name: Identifier | null;
}

/** `_`. */
export interface AnyDim {
  readonly kind: 'any-dim';
  readonly span: Span;
}

/** A static int expression; a plain `NameExpr` may bind. */
export interface ExprDim {
  readonly kind: 'expr-dim';
  readonly span: Span;
  readonly value: Expr;
}

// ── expressions ──

/** Binary operators, as written. */
export type BinaryOperator =
  '||' | '&&' | '==' | '!=' | '<' | '<=' | '>' | '>=' | '+' | '-' | '*' | '/' | '%' | '@' | '^' | '??';

/** Any expression. */
export type Expr =
  | NumberLiteral
  | StringLiteral
  | BoolLiteral
  | NoneLiteral
  | NameExpr
  | PipeExpr
  | BinaryExpr
  | UnaryExpr
  | RangeExpr
  | CallExpr
  | IndexExpr
  | MemberExpr
  | AsExpr
  | WithExpr
  | BlockExpr
  | TupleExpr
  | ListExpr
  | IfExpr
  | PatternExpr
  | LambdaExpr
  | ForExpr
  | FoldExpr
  | ErrorExpr;

/** `true` or `false`. */
export interface BoolLiteral {
  readonly kind: 'bool';
  readonly span: Span;
  readonly value: boolean;
}

/** `none`. */
export interface NoneLiteral {
  readonly kind: 'none';
  readonly span: Span;
}

/** A name used as a value. */
export interface NameExpr {
  readonly kind: 'name';
  readonly span: Span;
  readonly name: string;
}

/** `value |> stage`. */
export interface PipeExpr {
  readonly kind: 'pipe';
  readonly span: Span;
  readonly value: Expr;
  readonly stage: Expr;
}

/** `left operator right`; `operatorSpan` covers the operator only. */
export interface BinaryExpr {
  readonly kind: 'binary';
  readonly span: Span;
  readonly operator: BinaryOperator;
  readonly operatorSpan: Span;
  readonly left: Expr;
  readonly right: Expr;
}

/** `-operand` or `!operand`. */
export interface UnaryExpr {
  readonly kind: 'unary';
  readonly span: Span;
  readonly operator: '-' | '!';
  readonly operand: Expr;
}

/** `from..to`, half-open. */
export interface RangeExpr {
  readonly kind: 'range';
  readonly span: Span;
  readonly from: Expr;
  readonly to: Expr;
}

/** `callee(args)`. */
export interface CallExpr {
  readonly kind: 'call';
  readonly span: Span;
  readonly callee: Expr;
  readonly args: readonly Argument[];
}

/** `value` or `name=value`; `_` is the hole that inference fills. */
export interface Argument {
  readonly kind: 'argument';
  readonly span: Span;
  readonly name: Identifier | null;
  readonly value: Expr | HoleExpr;
}

/** `_` as an argument. */
export interface HoleExpr {
  readonly kind: 'hole';
  readonly span: Span;
}

/** `object[indices]`. */
export interface IndexExpr {
  readonly kind: 'index';
  readonly span: Span;
  readonly object: Expr;
  readonly indices: readonly IndexItem[];
}

/** One entry between index brackets. */
export type IndexItem = EllipsisIndex | SliceIndex | AtIndex;

/** `...`. */
export interface EllipsisIndex {
  readonly kind: 'ellipsis-index';
  readonly span: Span;
}

/** `from:to`, either may be absent. */
export interface SliceIndex {
  readonly kind: 'slice-index';
  readonly span: Span;
  readonly from: Expr | null;
  readonly to: Expr | null;
}

/** A single index, which drops the axis. */
export interface AtIndex {
  readonly kind: 'at-index';
  readonly span: Span;
  readonly value: Expr;
}

/** `object.member` (a reserved word may stand after the dot). */
export interface MemberExpr {
  readonly kind: 'member';
  readonly span: Span;
  readonly object: Expr;
  readonly member: Identifier;
}

/** `value as type`. */
export interface AsExpr {
  readonly kind: 'as';
  readonly span: Span;
  readonly value: Expr;
  readonly type: TypeExpr;
}

/** `object with { name=value, … }`. */
export interface WithExpr {
  readonly kind: 'with';
  readonly span: Span;
  readonly object: Expr;
  readonly overrides: readonly NamedValue[];
}

/** `name = value` in a `with` or a named tuple. */
export interface NamedValue {
  readonly kind: 'named-value';
  readonly span: Span;
  readonly name: Identifier;
  readonly value: Expr;
}

/** `{ statements result }`; `result` is null where the block ends without a value. */
export interface BlockExpr {
  readonly kind: 'block';
  readonly span: Span;
  readonly statements: readonly Statement[];
  readonly result: Expr | null;
}

/** `(a, b)` or `(x=a, y=b)`; one unnamed element without a comma is grouping and makes no node. */
export interface TupleExpr {
  readonly kind: 'tuple';
  readonly span: Span;
  readonly elements: readonly TupleElement[];
}

/** An element of a tuple. */
export interface TupleElement {
  readonly kind: 'tuple-element';
  readonly span: Span;
  readonly name: Identifier | null;
  readonly value: Expr;
}

/** `[a, b, c]`. */
export interface ListExpr {
  readonly kind: 'list';
  readonly span: Span;
  readonly elements: readonly Expr[];
}

/** `if condition { } else { }`; `otherwise` is a block or another `if`. */
export interface IfExpr {
  readonly kind: 'if';
  readonly span: Span;
  readonly condition: Expr;
  readonly then: BlockExpr;
  readonly otherwise: BlockExpr | IfExpr;
}

/** `einsum|rearrange|reduce[pattern](args)`. */
export interface PatternExpr {
  readonly kind: 'pattern';
  readonly span: Span;
  readonly form: 'einsum' | 'rearrange' | 'reduce';
  readonly inputs: readonly Axes[];
  readonly output: Axes;
  readonly args: readonly Argument[];
}

/** One side of a pattern: a sequence of axes. */
export interface Axes {
  readonly kind: 'axes';
  readonly span: Span;
  readonly items: readonly Axis[];
}

/** An axis of a pattern: a name, a number, `...`, or a group in parentheses. */
export type Axis = NamedAxis | NumberAxis | EllipsisAxis | GroupAxis;

/** A named axis. */
export interface NamedAxis {
  readonly kind: 'named-axis';
  readonly span: Span;
  readonly name: string;
}

/** A literal axis, `1`. */
export interface NumberAxis {
  readonly kind: 'number-axis';
  readonly span: Span;
  readonly value: number;
}

/** `...`. */
export interface EllipsisAxis {
  readonly kind: 'ellipsis-axis';
  readonly span: Span;
}

/** `(h w)`: axes merged into one. */
export interface GroupAxis {
  readonly kind: 'group-axis';
  readonly span: Span;
  readonly axes: Axes;
}

/** `fn(params) => body`. */
export interface LambdaExpr {
  readonly kind: 'lambda';
  readonly span: Span;
  readonly params: readonly Param[];
  readonly body: Expr;
}

/** `for binds => body`. */
export interface ForExpr {
  readonly kind: 'for';
  readonly span: Span;
  readonly binds: readonly Bind[];
  readonly body: Expr;
}

/** `fold|scan pattern = init over binds while condition => body`. */
export interface FoldExpr {
  readonly kind: 'fold';
  readonly span: Span;
  readonly form: 'fold' | 'scan';
  readonly pattern: Pattern;
  readonly init: Expr;
  readonly binds: readonly Bind[];
  readonly while: Expr | null;
  readonly body: Expr;
}

/** An expression that could not be parsed; already reported. */
export interface ErrorExpr {
  readonly kind: 'error';
  readonly span: Span;
}

/** A comment, kept for the formatter. `isDoc` marks `///`. */
export interface Comment {
  readonly kind: 'comment';
  readonly span: Span;
  /** The comment as written, slashes included, without trailing spaces. */
  readonly text: string;
  readonly isDoc: boolean;
}
