// Prints one plan as a WASM function (table, tid, n): kernels in order, copies, fills, and loops whose
// bodies recompute the words that depend on the loop index. Where threads may run it together, a step is run by as many
// as its word of the table says, copies and fills by the first, and all meet between two steps unless the first thread
// runs both alone. A local points to the words of the step and moves on from step to step, so that the steps of equal
// layers are equal bytes.
import type { Atom, Dim } from '../../ir/dim.ts';
import { f32Bytes, unsigned, type FunctionBody } from './encoder.ts';
import { FunctionWriter, type Local } from './function-writer.ts';
import { op, wide } from './instructions.ts';
import { parametersFor } from './print-kernel.ts';
import type { Layout, PlacedStep } from './table.ts';

/** Indices of the functions that plans call. */
export interface Callees {
  readonly kernel: (name: string) => number;
  /** Where threads meet, if there may be several. */
  readonly meet: number | undefined;
  /** One thread runs it all. */
  readonly alone: boolean;
}

/** Prints the function that runs a plan. */
export function printPlan(layout: Layout, callees: Callees): FunctionBody {
  const writer = new FunctionWriter(parametersFor(callees.alone));
  printSteps(layout.steps, layout, callees, writer);
  printEnd(callees, writer);
  return writer.finish();
}

function printSteps(steps: readonly PlacedStep[], layout: Layout, callees: Callees, w: FunctionWriter): void {
  let before: number | undefined;
  for (const step of steps) {
    if ('body' in step) before = undefined;
    else {
      printMove(before, step.at, w);
      before = step.at;
    }
    printStep(step, layout, callees, w);
  }
}

const stepWords = (w: FunctionWriter): Local => w.local('step', 'i32');

function printMove(from: number | undefined, to: number, w: FunctionWriter): void {
  w.get(from === undefined ? w.local('table', 'i32') : stepWords(w));
  w.i32(4 * (to - (from ?? 0)));
  w.emit(op.i32Add);
  w.set(stepWords(w));
}

function printStep(s: PlacedStep, layout: Layout, callees: Callees, w: FunctionWriter): void {
  switch (s.kind) {
    case 'dispatch':
      return printDispatch(s, layout, callees, w);
    case 'copy':
      return onThreadZero(callees, w, () => {
        for (const word of [0, 1, 2]) printStepWord(word, w);
        w.emit(...wide.memoryCopy);
      });
    case 'fill':
      return onThreadZero(callees, w, () => printFill(s, w));
    case 'loop':
      return printLoop(s, layout, callees, w);
    case 'prepare':
      printWord(s.at, w);
      w.emit(op.if, 0x40);
      printSteps(s.body, layout, callees, w);
      w.emit(op.end);
  }
}

type Dispatch = Extract<PlacedStep, { kind: 'dispatch' }>;

function printDispatch(s: Dispatch, layout: Layout, { kernel, meet, alone }: Callees, w: FunctionWriter): void {
  const { threads } = s;
  const n = threads === undefined ? 'n' : 'sharing';
  if (threads !== undefined) {
    printMeeting(() => printStepWord(threads - s.at, w), meet, w);
    w.get(w.local('tid', 'i32'));
    w.get(w.local(n, 'i32'));
    w.emit(op.i32LtS, op.if, 0x40);
  }
  for (const update of s.updates) {
    w.get(stepWords(w));
    printDim(update.dim, layout, w);
    w.memory(op.i32Store, 4 * (update.word - s.at));
  }
  w.get(stepWords(w));
  if (!alone) {
    w.get(w.local('tid', 'i32'));
    w.get(w.local(n, 'i32'));
  }
  w.emit(op.call, ...unsigned(kernel(s.kernel)));
  if (threads !== undefined) w.emit(op.end);
}

// meet(sharing, sharing = next, n): `sharing` threads run a step at a time.
function printMeeting(next: () => void, meet: number | undefined, w: FunctionWriter): void {
  if (meet === undefined) return;
  w.get(w.local('sharing', 'i32'));
  next();
  w.tee(w.local('sharing', 'i32'));
  w.get(w.local('n', 'i32'));
  w.emit(op.call, ...unsigned(meet));
}

// After it no thread reads the table or works.
function printEnd({ meet }: Callees, w: FunctionWriter): void {
  if (meet === undefined) return;
  for (let param = 0; param < 3; param++) w.get(w.local('n', 'i32'));
  w.emit(op.call, ...unsigned(meet));
}

function printWord(word: number, w: FunctionWriter): void {
  w.get(w.local('table', 'i32'));
  w.memory(op.i32Load, 4 * word);
}

/** A word of the step that runs. */
function printStepWord(word: number, w: FunctionWriter): void {
  w.get(stepWords(w));
  w.memory(op.i32Load, 4 * word);
}

function onThreadZero({ meet, alone }: Callees, w: FunctionWriter, body: () => void): void {
  if (alone) return body();
  printMeeting(() => w.i32(1), meet, w);
  w.get(w.local('tid', 'i32'));
  w.emit(op.i32Eqz, op.if, 0x40);
  body();
  w.emit(op.end);
}

function printFill(s: Extract<PlacedStep, { kind: 'fill' }>, w: FunctionWriter): void {
  if (Object.is(s.value, 0)) {
    printStepWord(0, w);
    w.i32(0);
    printStepWord(1, w);
    return w.emit(...wide.memoryFill);
  }
  const bits = s.float ? new DataView(new Uint8Array(f32Bytes(s.value)).buffer).getInt32(0, true) : s.value;
  const [pointer, end] = [w.temporary('i32'), w.temporary('i32')];
  printStepWord(0, w);
  w.tee(pointer);
  printStepWord(1, w);
  w.emit(op.i32Add);
  w.set(end);
  printWhileLess(pointer, end, w, () => {
    w.get(pointer);
    w.i32(bits);
    w.memory(op.i32Store, 0);
    return 4;
  });
  w.release(pointer, end);
}

// while (i < end) { body; i += step }
function printWhileLess(i: Local, end: Local, w: FunctionWriter, body: () => number): void {
  const test = (): void => {
    w.get(i);
    w.get(end);
    w.emit(op.i32LtU);
  };
  test();
  w.emit(op.if, 0x40, op.loop, 0x40);
  const step = body();
  w.get(i);
  w.i32(step);
  w.emit(op.i32Add);
  w.set(i);
  test();
  w.emit(op.brIf, 0, op.end, op.end);
}

function printLoop(
  s: Extract<PlacedStep, { kind: 'loop' }>,
  layout: Layout,
  callees: Callees,
  w: FunctionWriter,
): void {
  const [step, count] = [w.temporary('i32'), w.temporary('i32')];
  const index = w.local(`index ${s.index}`, 'i32');
  printWord(s.at, w);
  w.set(count);
  w.i32(0);
  w.set(step);
  printWhileLess(step, count, w, () => {
    if (s.reverse) {
      w.get(count);
      w.i32(1);
      w.emit(op.i32Sub);
      w.get(step);
      w.emit(op.i32Sub);
    } else w.get(step);
    w.set(index);
    printSteps(s.body, layout, callees, w);
    return 1;
  });
  w.release(step, count);
}

/** Leaves the value of `d` on the stack; variables are loop indices or words of the table. */
function printDim(d: Dim, layout: Layout, w: FunctionWriter): void {
  w.i32(0);
  for (const term of d.terms) {
    w.i32(term.coefficient);
    for (const factor of term.factors) {
      printAtom(factor, layout, w);
      w.emit(op.i32Mul);
    }
    w.emit(op.i32Add);
  }
}

function printAtom(atom: Atom, layout: Layout, w: FunctionWriter): void {
  if (atom.kind === 'var') {
    const word = layout.dims.get(atom.name);
    return word === undefined ? w.get(w.local(`index ${atom.name}`, 'i32')) : printWord(word, w);
  }
  const [a, b] = [w.temporary('i32'), w.temporary('i32')];
  printDim(atom.a, layout, w);
  w.set(a);
  printDim(atom.b, layout, w);
  w.set(b);
  if (atom.kind === 'min' || atom.kind === 'max') {
    for (const local of atom.kind === 'min' ? [a, b, a, b] : [b, a, a, b]) w.get(local);
    w.emit(op.i32LtS, op.select);
  } else printFloored(atom.kind, a, b, w);
  w.release(a, b);
}

// ⌊a/b⌋ = a/b − (a%b < 0); a mod b = a%b + (a%b < 0 ? b : 0), for b ≥ 1.
function printFloored(kind: 'floor_div' | 'mod', a: Local, b: Local, w: FunctionWriter): void {
  const remainder = (): void => {
    w.get(a);
    w.get(b);
    w.emit(op.i32RemS);
  };
  if (kind === 'mod') {
    remainder();
    w.get(b);
    w.emit(op.i32Add);
    w.get(b);
    return w.emit(op.i32RemS);
  }
  w.get(a);
  w.get(b);
  w.emit(op.i32DivS);
  remainder();
  w.i32(0);
  w.emit(op.i32LtS, op.i32Sub);
}
