// Dims as i32 values of a kernel: what is free of axes becomes a param, the rest is summed from the
// outermost loop inwards so that each partial sum is computed where it first is known.
import { asConstant, type Atom as DimAtom, type Dim } from '../../../ir/dim.ts';
import type { Facts } from '../../../ir/dim-solver.ts';
import type { Condition } from '../../../ir/expr.ts';
import type { KernelExpr } from '../../../ir/kernel.ts';
import type { BinaryOp } from '../../../ir/expr.ts';
import { axisParts, isNonNegative } from '../linear.ts';
import type { Environment } from './environment.ts';
import { constant, i32, type Atom, type KernelWriter, type Sum } from './kernel-writer.ts';

const integer = (op: BinaryOp, a: Atom, b: Atom): KernelExpr => ({ kind: 'binary', type: 'i32', width: 1, op, a, b });
const compare = (op: BinaryOp, a: Atom, b: Atom): KernelExpr => ({ kind: 'binary', type: 'bool', width: 1, op, a, b });

/** Evaluates dims at one point. */
export class DimValues {
  constructor(
    private readonly writer: KernelWriter,
    readonly facts: Facts,
  ) {}

  /** a op b on i32, folded where that is free. */
  combine(op: 'add' | 'sub' | 'mul' | 'min' | 'max' | 'div' | 'and', a: Atom, b: Atom): Atom {
    const [x, y] = [a.kind === 'const' ? a.value : undefined, b.kind === 'const' ? b.value : undefined];
    if (x !== undefined && y !== undefined && (op === 'add' || op === 'sub' || op === 'mul'))
      return i32(op === 'mul' ? x * y : op === 'add' ? x + y : x - y);
    if (op === 'add' && x === 0) return b;
    if ((op === 'add' || op === 'sub') && y === 0) return a;
    if (op === 'mul' && x === 1) return b;
    if ((op === 'mul' || op === 'div') && y === 1) return a;
    if (op === 'mul' && (x === 0 || y === 0)) return i32(0);
    if (op === 'add' && a.kind === 'const') return this.writer.let(integer(op, b, a));
    return this.writer.let(integer(op, a, b));
  }

  /** a · factor. */
  times(a: Atom, factor: number): Atom {
    return this.combine('mul', a, i32(factor));
  }

  /** The sum of `atoms`, from left to right. */
  sum(...atoms: readonly Atom[]): Atom {
    return atoms.reduce((a, b) => this.combine('add', a, b));
  }

  /** The value of `d` where the axes have the values of `env`. */
  value(d: Dim, env: Environment): Atom {
    const { rest, constant: added } = this.sumOf(d, env);
    return this.combine('add', rest, i32(added));
  }

  /**
   * As {@link value}, but apart from the constants that the axes' values end in: neighbours, and the taps of a window,
   * share the rest.
   */
  sumOf(d: Dim, env: Environment): Sum {
    let added = 0;
    const parts = axisParts(d, (name) => env.axes.has(name)).map(({ factors, scale }) => {
      const [product, ...others] = factors.map((atom) => this.atom(atom, env));
      const times = asConstant(scale);
      if (!product || others.length > 0 || times === undefined || times < 0) {
        const all = others.reduce<Atom | undefined>((p, x) => p && this.combine('mul', p, x), product);
        return { product: all, scale, depth: all ? this.writer.depthOf(all) : -1 };
      }
      const { rest, constant: more } = this.writer.withoutConstant(product);
      added += times * more;
      return { product: rest, scale, depth: this.writer.depthOf(rest) };
    });
    parts.sort((a, b) => a.depth - b.depth);
    return {
      rest: parts.reduce<Atom>((sum, { product, scale }) => this.addPart(sum, product, scale), i32(0)),
      constant: added,
    };
  }

  private addPart(sum: Atom, product: Atom | undefined, scale: Dim): Atom {
    if (!product) return this.combine('add', sum, this.writer.dim(scale));
    if (asConstant(scale) === -1) return this.combine('sub', sum, product);
    return this.combine('add', sum, this.combine('mul', product, this.writer.dim(scale)));
  }

  /** True when `d` is surely a multiple of `divisor`. */
  isMultiple(d: Dim, divisor: number): boolean {
    return this.facts.divisible(d, divisor) === 'proved';
  }

  /** All conditions at once, as a bool. */
  conditions(conditions: readonly Condition[], env: Environment): Atom {
    const tests = conditions.map(({ kind, lhs }) => {
      const value = this.value(lhs, env);
      return this.writer.let(kind === '>=0' ? compare('le', i32(0), value) : compare('eq', value, i32(0)));
    });
    return tests.reduce((a, b) => this.writer.let(compare('and', a, b)), constant('bool', 1));
  }

  private atom(atom: DimAtom, env: Environment): Atom {
    if (atom.kind === 'var') return env.axes.get(atom.name) ?? i32(0);
    const [a, b] = [this.value(atom.a, env), this.value(atom.b, env)];
    if (atom.kind === 'min' || atom.kind === 'max') return this.writer.let(integer(atom.kind, a, b));
    const rest = (): Atom => this.writer.let(integer('rem', a, b));
    if (isNonNegative(atom.a, this.facts)) return atom.kind === 'mod' ? rest() : this.combine('div', a, b);
    const below = this.writer.let(compare('lt', rest(), i32(0)));
    const [plain, corrected] =
      atom.kind === 'mod'
        ? [rest(), this.combine('add', rest(), b)]
        : [this.combine('div', a, b), this.combine('sub', this.combine('div', a, b), i32(1))];
    return this.writer.let({ kind: 'select', type: 'i32', width: 1, cond: below, then: corrected, otherwise: plain });
  }
}
