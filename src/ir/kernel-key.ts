// Text by which equal kernel structures are recognised. JSON alone would write -0 as 0 and both infinities
// and NaN as null, and so make different constants equal.
import type { KernelExpr } from './kernel.ts';
import { kernelOperands } from './kernel-rewrite.ts';

const exact = (_: string, value: unknown): unknown =>
  typeof value === 'number' && (Object.is(value, -0) || !Number.isFinite(value))
    ? { number: Object.is(value, -0) ? '-0' : String(value) }
    : value;

/** A text that two expressions, statements or kernels share exactly when they are equal. */
export const structureKey = (structure: unknown): string => JSON.stringify(structure, exact);

/** A text that expressions of one form share: names, params and places in vectors aside. */
export function formOf(e: KernelExpr): string {
  const own = e.kind === 'unary' || e.kind === 'binary' ? e.op : e.kind === 'const' ? String(e.value) : '';
  return `${e.kind}${own}${e.width}(${kernelOperands(e).map(formOf).join()})`;
}

/** 32 bits over a text. */
export function hashOf(text: string): number {
  let hash = 0;
  for (let at = 0; at < text.length; at++) hash = (Math.imul(hash, 31) + text.charCodeAt(at)) >>> 0;
  return hash;
}
