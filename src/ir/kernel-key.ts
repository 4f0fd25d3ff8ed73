// Text by which equal kernel structures are recognised. JSON alone would write -0 as 0 and both infinities
// and NaN as null, and so make different constants equal.
import type { KernelExpr } from './kernel.ts';
import { kernelOperands } from './kernel-rewrite.ts';

/** A text that two expressions, statements or kernels share exactly when they are equal. */
export function structureKey(structure: unknown): string {
  const odd: string[] = [];
  noteOdd(structure, 0, odd);
  const text = JSON.stringify(structure);
  return odd.length === 0 ? text : `${text} ${odd.join()}`;
}

// The numbers that JSON cannot tell apart, each with its place among all numbers; gives how many there were so far.
function noteOdd(part: unknown, before: number, odd: string[]): number {
  if (typeof part === 'number') {
    if (part === 0 ? Object.is(part, -0) : !Number.isFinite(part))
      odd.push(`${before}:${part === 0 ? '-0' : String(part)}`);
    return before + 1;
  }
  if (typeof part !== 'object' || part === null) return before;
  let count = before;
  if (Array.isArray(part)) for (const item of part as readonly unknown[]) count = noteOdd(item, count, odd);
  else for (const name in part) count = noteOdd((part as Readonly<Record<string, unknown>>)[name], count, odd);
  return count;
}

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
