// Writes formulas as kernel statements: every step is a `let`, so later steps can use it again.
import type { BinaryOp, UnaryOp } from '../../ir/expr.ts';
import type { Kernel, KernelExpr, ScalarType, Statement, Width } from '../../ir/kernel.ts';

/** Collects the steps of formulas over operands of one width. */
export class Formula {
  constructor(
    private readonly width: Width,
    private readonly steps: Statement[],
    private readonly fresh: () => string,
    private readonly target: Kernel['target'],
  ) {}

  /** `e` as something that costs nothing to repeat. */
  hold(e: KernelExpr): KernelExpr {
    if (e.kind === 'const' || e.kind === 'name' || e.kind === 'param' || e.kind === 'scalar') return e;
    const name = this.fresh();
    this.steps.push({ kind: 'let', name, value: e });
    return { kind: 'name', type: e.type, width: e.width, name };
  }

  number(value: number): KernelExpr {
    return { kind: 'const', type: 'f32', width: this.width, value };
  }
  integer(value: number): KernelExpr {
    return { kind: 'const', type: 'i32', width: this.width, value };
  }
  private wrap(x: KernelExpr | number): KernelExpr {
    return typeof x === 'number' ? this.number(x) : x;
  }

  unary(op: UnaryOp, x: KernelExpr): KernelExpr {
    return this.hold({ kind: 'unary', type: x.type, width: this.width, op, x });
  }

  private float(op: BinaryOp, a: KernelExpr | number, b: KernelExpr | number): KernelExpr {
    return this.hold({ kind: 'binary', type: 'f32', width: this.width, op, a: this.wrap(a), b: this.wrap(b) });
  }

  add(a: KernelExpr | number, b: KernelExpr | number): KernelExpr {
    return this.float('add', a, b);
  }
  sub(a: KernelExpr | number, b: KernelExpr | number): KernelExpr {
    return this.float('sub', a, b);
  }
  mul(a: KernelExpr | number, b: KernelExpr | number): KernelExpr {
    return this.float('mul', a, b);
  }
  div(a: KernelExpr | number, b: KernelExpr | number): KernelExpr {
    return this.float('div', a, b);
  }

  /** An op of 32-bit integers. */
  bits(op: BinaryOp, a: KernelExpr, b: KernelExpr | number): KernelExpr {
    return this.hold({
      kind: 'binary',
      type: 'i32',
      width: this.width,
      op,
      a,
      b: typeof b === 'number' ? this.integer(b) : b,
    });
  }

  /** A comparison; plain numbers take the type of the other side. */
  compare(op: 'lt' | 'le' | 'eq' | 'ne', a: KernelExpr, b: KernelExpr | number): KernelExpr {
    const right: KernelExpr = typeof b === 'number' ? { kind: 'const', type: a.type, width: this.width, value: b } : b;
    return this.hold({ kind: 'binary', type: 'bool', width: this.width, op, a, b: right });
  }

  select(cond: KernelExpr, then: KernelExpr | number, otherwise: KernelExpr | number): KernelExpr {
    const [a, b] = [this.wrap(then), this.wrap(otherwise)];
    return this.hold({ kind: 'select', type: a.type, width: this.width, cond, then: a, otherwise: b });
  }

  cast(type: ScalarType, x: KernelExpr): KernelExpr {
    return this.hold({ kind: 'cast', type, width: this.width, x });
  }
  bitcast(type: ScalarType, x: KernelExpr): KernelExpr {
    return this.hold({ kind: 'bitcast', type, width: this.width, x });
  }

  /** Σ cᵢ·xⁿ⁻ⁱ by Horner's rule: the highest power first. */
  polynomial(x: KernelExpr, coefficients: readonly number[]): KernelExpr {
    const [first = 0, ...rest] = coefficients;
    return rest.reduce<KernelExpr>((sum, c) => this.add(this.mul(sum, x), c), this.number(first));
  }

  /** As {@link polynomial}, with the square of x at hand: pairs c + c′·x are computed side by side. */
  polynomialByPairs(x: KernelExpr, square: KernelExpr, coefficients: readonly number[]): KernelExpr {
    const pairs: KernelExpr[] = [];
    for (let at = coefficients.length - 1; at >= 0; at -= 2) {
      const [high, low = 0] = [coefficients[at - 1], coefficients[at]];
      pairs.push(high === undefined ? this.number(low) : this.add(this.mul(x, high), low));
    }
    return pairs.reduceRight((sum, pair) => this.add(this.mul(sum, square), pair));
  }

  /** `high` where x > high; NaN stays NaN. */
  atMost(x: KernelExpr, high: number): KernelExpr {
    return this.select(this.compare('lt', this.number(high), x), high, x);
  }

  /** `low` where x < low, `high` where x > high; NaN stays NaN, which min and max would drop. */
  clamp(x: KernelExpr, low: number, high: number): KernelExpr {
    return this.atMost(this.select(this.compare('lt', x, low), low, x), high);
  }

  /**
   * `x` rounded to a whole number n (|n| < 2²¹), and an integer whose low bits are n + bias. On the CPU the sum with
   * 1.5·2²³ rounds, and holds n in its low bits: a conversion costs many instructions there. Shader compilers may drop
   * the sum.
   */
  round(x: KernelExpr, bias: number): { readonly whole: KernelExpr; readonly n: KernelExpr } {
    if (this.target === 'gpu') {
      const whole = this.unary('round', x);
      const n = this.cast('i32', whole);
      return { whole, n: bias === 0 ? n : this.bits('add', n, bias) };
    }
    const shift = 12582912 + bias;
    const shifted = this.add(x, shift);
    return { whole: this.sub(shifted, shift), n: this.bitcast('i32', shifted) };
  }

  /** 2ⁿ for −126 ≤ n ≤ 127, from n + 127 as given by {@link round}. */
  powerOfTwo(biased: KernelExpr): KernelExpr {
    return this.bitcast('f32', this.bits('shl', biased, 23));
  }

  /** x·2ⁿ where x and the product are normal numbers, n as given by {@link round}. */
  scale(x: KernelExpr, n: KernelExpr): KernelExpr {
    return this.bitcast('f32', this.bits('add', this.bitcast('i32', x), this.bits('shl', n, 23)));
  }
}
