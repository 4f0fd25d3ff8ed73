// Kernel → Kernel: expands functions that targets lack, or compute badly, into one set of formulas over
// + − × ÷, square root, floor, round and bits. Both targets print the same formulas.
import type { BinaryOp, UnaryOp } from '../ir/expr.ts';
import type { Kernel, KernelExpr, Statement, Width } from '../ir/kernel.ts';
import { mapKernelExpr, mapStatements } from '../ir/kernel-rewrite.ts';
import { erf, exp, expm1, log, log1p, sigmoid, tanh } from './math/exponential.ts';
import { Formula } from './math/formula.ts';
import { pow } from './math/power.ts';
import { cos, sin } from './math/trigonometric.ts';

type Unary = (f: Formula, x: KernelExpr) => KernelExpr;
type Binary = (f: Formula, a: KernelExpr, b: KernelExpr) => KernelExpr;

const unaryFormulas: Readonly<Partial<Record<UnaryOp, Unary>>> = {
  exp,
  expm1,
  log,
  log1p,
  sigmoid,
  tanh,
  erf,
  sin,
  cos,
  recip: (f, x) => f.div(1, x),
  rsqrt: (f, x) => f.div(1, f.unary('sqrt', x)),
  sign: (f, x) => {
    const whole = (value: number): KernelExpr => ({ kind: 'const', type: x.type, width: x.width, value });
    const notNegative = f.select(f.compare('eq', x, 0), whole(0), whole(1));
    return x.type === 'u32' ? notNegative : f.select(f.compare('lt', x, 0), whole(-1), notNegative);
  },
};

const binaryFormulas: Readonly<Partial<Record<BinaryOp, Binary>>> = {
  pow,
  // Truncated: a − b·trunc(a/b), with the sign of a. A quotient that was rounded across a whole number is one off.
  rem: (f, a, b) => {
    const quotient = f.div(a, b);
    const whole = f.select(f.compare('lt', quotient, 0), f.unary('ceil', quotient), f.unary('floor', quotient));
    const rest = f.sub(a, f.mul(b, whole));
    const size = f.unary('abs', b);
    const step = f.select(f.compare('lt', a, 0), f.unary('neg', size), size);
    const crossed = f.compare('lt', f.mul(rest, step), 0);
    const short = f.compare('le', size, f.unary('abs', rest));
    return f.select(crossed, f.add(rest, step), f.select(short, f.sub(rest, step), rest));
  },
};

/** Expands transcendental and other composed functions of `kernel`. */
export function expandMath(kernel: Kernel): Kernel {
  let count = 0;
  const fresh = (): string => `m${count++}`;
  const start: Start = (width, steps) => new Formula(width, steps, fresh, kernel.target);
  return { ...kernel, body: expandStatements(kernel.body, start) };
}

type Start = (width: Width, steps: Statement[]) => Formula;

function expandStatements(body: readonly Statement[], start: Start): Statement[] {
  return body.flatMap((statement) => {
    const steps: Statement[] = [];
    const expand = (e: KernelExpr): KernelExpr => mapKernelExpr(e, (x) => expandExpr(x, steps, start));
    const own = expandStatement(statement, expand, start);
    return [...steps, ...own];
  });
}

// The steps come before the statement that uses them; bodies keep their own.
function expandStatement(s: Statement, expand: (e: KernelExpr) => KernelExpr, start: Start): Statement[] {
  return s.kind === 'for'
    ? [{ ...s, from: expand(s.from), to: expand(s.to), body: expandStatements(s.body, start) }]
    : s.kind === 'if'
      ? [
          {
            ...s,
            cond: expand(s.cond),
            then: expandStatements(s.then, start),
            otherwise: expandStatements(s.otherwise, start),
          },
        ]
      : mapStatements([s], expand);
}

function expandExpr(e: KernelExpr, steps: Statement[], start: Start): KernelExpr {
  if (e.kind === 'unary') {
    const formula = unaryFormulas[e.op];
    if (!formula) return e;
    const f = start(e.width, steps);
    return formula(f, f.hold(e.x));
  }
  if (e.kind !== 'binary' || e.type !== 'f32') return e;
  const formula = binaryFormulas[e.op];
  if (!formula) return e;
  const f = start(e.width, steps);
  return formula(f, f.hold(e.a), f.hold(e.b));
}
