// sin and cos: x = j·π/2 + r by three-part subtraction (Cody and Waite), polynomials on |r| ≤ π/4.
// Within 1.5 ulp, or 1.2e-7 near the zeros, for |x| ≤ 1e3; the absolute error is about 1e-6 at 1e5.
import type { KernelExpr } from '../../ir/kernel.ts';
import type { Formula } from './formula.ts';

function quadrantValue(f: Formula, x: KernelExpr, quarter: number): KernelExpr {
  const j = f.unary('round', f.mul(x, 2 / Math.PI));
  const parts = [1.5703125, 4.837512969970703125e-4, 7.549789954891882e-8];
  const r = parts.reduce<KernelExpr>((rest, part) => f.sub(rest, f.mul(j, part)), x);
  const z = f.mul(r, r);
  const sine = f.add(f.mul(f.mul(f.polynomial(z, [-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1]), z), r), r);
  const p = f.polynomial(z, [2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2]);
  const cosine = f.add(f.sub(f.mul(f.mul(p, z), z), f.mul(z, 0.5)), 1);
  const quadrant = f.bits('add', f.cast('i32', j), quarter);
  const isCosine = f.compare('ne', f.bits('and', quadrant, 1), 0);
  const value = f.select(isCosine, cosine, sine);
  return f.select(f.compare('ne', f.bits('and', quadrant, 2), 0), f.unary('neg', value), value);
}

export const sin = (f: Formula, x: KernelExpr): KernelExpr => quadrantValue(f, x, 0);
export const cos = (f: Formula, x: KernelExpr): KernelExpr => quadrantValue(f, x, 1);
