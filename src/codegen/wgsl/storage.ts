// How buffers and arrays of a kernel are declared: as vectors where every store is four wide (a store
// to one lane of a vector may touch the others), else as scalars.
import type { Kernel, KernelExpr, Statement, Width } from '../../ir/kernel.ts';
import { kernelOperands, statementBodies, statementExprs } from '../../ir/kernel-rewrite.ts';

/** Widths at which a buffer or array is read and written. */
export interface Accesses {
  readonly loads: ReadonlySet<Width>;
  readonly stores: ReadonlySet<Width>;
}

/** Calls `onExpr` for every expression and `onStatement` for every statement below `body`. */
export function visitBody(
  body: readonly Statement[],
  onExpr: (e: KernelExpr) => void,
  onStatement: (s: Statement) => void,
): void {
  for (const s of body) {
    onStatement(s);
    for (const e of statementExprs(s)) visitExpr(e, onExpr);
    for (const inner of statementBodies(s)) visitBody(inner, onExpr, onStatement);
  }
}

function visitExpr(e: KernelExpr, visit: (e: KernelExpr) => void): void {
  visit(e);
  for (const operand of kernelOperands(e)) visitExpr(operand, visit);
}

/** Accesses by the name of the buffer or array. */
export function accessesOf(kernel: Kernel): ReadonlyMap<string, Accesses> {
  const found = new Map<string, { loads: Set<Width>; stores: Set<Width> }>();
  const at = (name: string): { loads: Set<Width>; stores: Set<Width> } => {
    const accesses = found.get(name) ?? { loads: new Set(), stores: new Set() };
    found.set(name, accesses);
    return accesses;
  };
  visitBody(
    kernel.body,
    (e) => {
      if (e.kind === 'load') at(e.buffer).loads.add(e.width);
      if (e.kind === 'load-array') at(e.array).loads.add(e.width);
    },
    (s) => {
      if (s.kind === 'store') at(s.buffer).stores.add(s.value.width);
      if (s.kind === 'store-array') at(s.array).stores.add(s.value.width);
    },
  );
  return found;
}

/** True when the memory is declared as an array of vectors. */
export const isVectorMemory = (accesses: Accesses | undefined): boolean =>
  accesses !== undefined && !accesses.stores.has(1) && (accesses.loads.has(4) || accesses.stores.has(4));
