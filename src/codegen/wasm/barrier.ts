// Prints `meet(before, after, n)`: n threads wait for each other, unless one thread alone ran the step before and runs
// the step after, or there was none before. The last to arrive begins a new turn. The others watch the turn for a while,
// then sleep until it ends.
import type { FunctionBody } from './encoder.ts';
import { FunctionWriter, type Local } from './function-writer.ts';
import { atomic, op } from './instructions.ts';

// Addresses of the words in which threads meet, each in a cache line of its own. The host writes but one of them: `awake`
// is 1 where nobody may sleep, because one of the threads is that of a page.
const words = { arrived: 128, turn: 192, asleep: 256, awake: 320 } as const;

type Word = keyof typeof words;

// About two microseconds.
const watches = 2000;

/** Prints the function. */
export function printMeet(): FunctionBody {
  const w = new FunctionWriter([
    { name: 'before', type: 'i32' },
    { name: 'after', type: 'i32' },
    { name: 'n', type: 'i32' },
  ]);
  const turn = w.local('turn', 'i32');
  w.get(w.local('before', 'i32'));
  w.get(w.local('after', 'i32'));
  w.emit(op.i32Mul);
  w.i32(2);
  w.emit(op.i32LtS);
  printReturnIf(w);
  printLoad('turn', w);
  w.set(turn);
  printAdd('arrived', 1, w);
  w.i32(1);
  w.emit(op.i32Add);
  w.get(w.local('n', 'i32'));
  w.emit(op.i32Eq, op.if, 0x40);
  printTurn(turn, w);
  w.emit(op.return, op.end);
  printWatch(turn, w);
  printSleep(turn, w);
  return w.finish();
}

// All are here: they may go on.
function printTurn(turn: Local, w: FunctionWriter): void {
  w.i32(0);
  w.i32(0);
  w.memory(atomic.store, words.arrived);
  w.i32(0);
  w.get(turn);
  w.i32(1);
  w.emit(op.i32Add);
  w.memory(atomic.store, words.turn);
  printLoad('asleep', w);
  w.emit(op.if, 0x40);
  w.i32(0);
  w.i32(-1);
  w.memory(atomic.notify, words.turn);
  w.emit(op.drop, op.end);
}

function printWatch(turn: Local, w: FunctionWriter): void {
  const left = w.local('left', 'i32');
  w.i32(watches);
  w.set(left);
  w.emit(op.loop, 0x40);
  printLoad('turn', w);
  w.get(turn);
  w.emit(op.i32Ne);
  printReturnIf(w);
  w.get(left);
  w.i32(1);
  w.emit(op.i32Sub);
  w.tee(left);
  w.i32(0);
  w.memory(op.i32Load, words.awake);
  w.emit(op.i32Or, op.brIf, 0, op.end);
}

// Who begins the turn looks at `asleep` after it changed `turn`: a sleeper is seen there, or sees the change.
function printSleep(turn: Local, w: FunctionWriter): void {
  printAdd('asleep', 1, w);
  w.emit(op.drop, op.loop, 0x40);
  w.i32(0);
  w.get(turn);
  w.emit(op.i64Const, 0x7f);
  w.memory(atomic.wait32, words.turn);
  w.emit(op.drop);
  printLoad('turn', w);
  w.get(turn);
  w.emit(op.i32Eq, op.brIf, 0, op.end);
  printAdd('asleep', -1, w);
  w.emit(op.drop);
}

function printReturnIf(w: FunctionWriter): void {
  w.emit(op.if, 0x40, op.return, op.end);
}

function printLoad(word: Word, w: FunctionWriter): void {
  w.i32(0);
  w.memory(atomic.load, words[word]);
}

// Leaves what was there before.
function printAdd(word: Word, value: number, w: FunctionWriter): void {
  w.i32(0);
  w.i32(value);
  w.memory(atomic.add, words[word]);
}
