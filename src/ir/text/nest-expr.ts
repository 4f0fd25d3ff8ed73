// Scalar expressions of nests as text: `add.f32(load.f32(@x, %i), const.f32(1))`. Nodes that are used
// more than once are printed once, as `let $0 = …`, so that DAGs stay DAGs.
import { operands } from '../expr-rewrite.ts';
import type { BinaryOp, Condition, Expr, Index, UnaryOp } from '../expr.ts';
import { isDType, type DType } from '../dtype.ts';
import type { Reader } from './reader.ts';
import { dataText, numberText, symbolText } from './writer.ts';

export const unaryOps: readonly UnaryOp[] = [
  'neg',
  'abs',
  'sign',
  'recip',
  'sqrt',
  'rsqrt',
  'exp',
  'log',
  'log1p',
  'expm1',
  'sin',
  'cos',
  'tanh',
  'sigmoid',
  'erf',
  'floor',
  'ceil',
  'round',
  'not',
];
export const binaryOps: readonly BinaryOp[] = [
  'add',
  'sub',
  'mul',
  'div',
  'pow',
  'min',
  'max',
  'rem',
  'lt',
  'le',
  'eq',
  'ne',
  'and',
  'or',
  'xor',
  'shl',
  'shr',
];

/** The names of the shared nodes of some DAGs. */
export class SharedExprs {
  private readonly names = new Map<Expr, string>();

  constructor(roots: readonly Expr[]) {
    const seen = new Set<Expr>();
    const visit = (expr: Expr): void => {
      if (seen.has(expr)) {
        if (operands(expr).length > 0) this.names.set(expr, '');
        return;
      }
      seen.add(expr);
      for (const operand of operands(expr)) visit(operand);
    };
    for (const root of roots) visit(root);
    // Operands were seen before their users, which is the order in which they must be defined.
    for (const expr of postorder(roots)) if (this.names.has(expr)) this.names.set(expr, `$${this.lines.push('') - 1}`);
    for (const [expr, name] of this.names) this.lines[Number(name.slice(1))] = `let ${name} = ${this.body(expr)}`;
  }

  /** The definitions, in order. */
  readonly lines: string[] = [];

  /** The text of an expression, or the name it got. */
  text(expr: Expr): string {
    return this.names.get(expr) ?? this.body(expr);
  }

  index(index: Index): string {
    return 'kind' in index ? `at(${this.text(index.expr)})` : index.key;
  }

  private body(e: Expr): string {
    const call = (name: string, ...args: readonly string[]): string => `${name}.${e.dtype}(${args.join(', ')})`;
    const of = (x: Expr): string => this.text(x);
    switch (e.kind) {
      case 'const':
        return call('const', numberText(e.value));
      case 'index':
        return call('index', e.dim.key);
      case 'load':
        return call('load', symbolText('@', e.buffer), ...e.indices.map((index) => this.index(index)));
      case 'unary':
        return call(e.op, of(e.x));
      case 'binary':
        return call(e.op, of(e.a), of(e.b));
      case 'select':
        return call('select', of(e.cond), of(e.then), of(e.otherwise));
      case 'cast':
      case 'bitcast':
        return call(e.kind, of(e.x));
      case 'guard':
        return call('guard', `[${e.conditions.map(conditionText).join(', ')}]`, of(e.then), of(e.otherwise));
      case 'threefry':
        return call('threefry', ...[...e.key, ...e.counter].map(of), String(e.word));
      case 'reduced':
        return call('reduced', dataText(e.stage), String(e.part));
    }
  }
}

function postorder(roots: readonly Expr[]): Set<Expr> {
  const order = new Set<Expr>();
  const visit = (expr: Expr): void => {
    if (order.has(expr)) return;
    for (const operand of operands(expr)) visit(operand);
    order.add(expr);
  };
  for (const root of roots) visit(root);
  return order;
}

const conditionText = ({ kind, lhs }: Condition): string => (kind === '>=0' ? `${lhs.key} >= 0` : `${lhs.key} == 0`);

/** Reads the expressions of one nest. */
export class ExprReader {
  private readonly shared = new Map<string, Expr>();

  constructor(readonly reader: Reader) {}

  /** The `let` lines that are ahead. */
  definitions(): void {
    while (this.reader.accept('let')) {
      const name = this.reader.next();
      this.reader.expect('=');
      this.shared.set(name, this.expr());
    }
  }

  expr(): Expr {
    const { reader } = this;
    if (reader.peek().startsWith('$')) {
      const name = reader.next();
      return this.shared.get(name) ?? reader.fail(`${name} is not defined`);
    }
    const [head = '', suffix = ''] = reader.word().split('.');
    const dtype = isDType(suffix) ? suffix : reader.fail(`expected op.dtype, found ${head}.${suffix}`);
    reader.expect('(');
    const expr = this.body(head, dtype);
    reader.expect(')');
    return expr;
  }

  private next(): Expr {
    this.reader.expect(',');
    return this.expr();
  }

  private body(head: string, dtype: DType): Expr {
    const { reader } = this;
    const unary = unaryOps.find((op) => op === head);
    if (unary) return { kind: 'unary', dtype, op: unary, x: this.expr() };
    const binary = binaryOps.find((op) => op === head);
    if (binary) return { kind: 'binary', dtype, op: binary, a: this.expr(), b: this.next() };
    switch (head) {
      case 'const':
        return { kind: 'const', dtype, value: reader.number() };
      case 'index': {
        const type =
          dtype === 'i32' || dtype === 'u32' || dtype === 'f32' ? dtype : reader.fail(`an index is no ${dtype}`);
        return { kind: 'index', dtype: type, dim: reader.dim() };
      }
      case 'load':
        return { kind: 'load', dtype, buffer: reader.symbol('@'), indices: this.indices() };
      case 'select':
        return { kind: 'select', dtype, cond: this.expr(), then: this.next(), otherwise: this.next() };
      case 'cast':
      case 'bitcast':
        return { kind: head, dtype, x: this.expr() };
      case 'guard':
        return { kind: 'guard', dtype, conditions: this.conditions(), then: this.next(), otherwise: this.next() };
      case 'threefry':
        return this.threefry();
      case 'reduced': {
        const stage = reader.string();
        reader.expect(',');
        return { kind: 'reduced', dtype, stage, part: reader.number() };
      }
      default:
        return reader.fail(`there is no scalar op ${head}`);
    }
  }

  private indices(): Index[] {
    const indices: Index[] = [];
    while (this.reader.accept(',')) indices.push(this.index());
    return indices;
  }

  index(): Index {
    if (!this.reader.accept('at')) return this.reader.dim();
    this.reader.expect('(');
    const expr = this.expr();
    this.reader.expect(')');
    return { kind: 'dynamic', expr };
  }

  private conditions(): Condition[] {
    this.reader.expect('[');
    return this.reader.list(']', () => {
      const lhs = this.reader.dim();
      const kind = this.reader.choice(['>=', '==']) === '>=' ? '>=0' : '==0';
      this.reader.expect('0');
      return { kind, lhs };
    });
  }

  private threefry(): Expr {
    const key = [this.expr(), this.next()] as const;
    const counter = [this.next(), this.next()] as const;
    this.reader.expect(',');
    return { kind: 'threefry', dtype: 'u32', key, counter, word: this.reader.number() === 0 ? 0 : 1 };
  }
}
