// Running reductions on the GPU. Many short rows: one thread each. Otherwise a workgroup scans a row tile by
// tile; rows so long and few that this leaves the device idle are scanned in parts, whose totals are
// scanned and combined with what follows them. All trees depend on dims only.
import { ceilDiv, constant, mul, one, type Dim } from '../../../ir/dim.ts';
import type { KernelExpr } from '../../../ir/kernel.ts';
import type { Buffer, NestFunction } from '../../../ir/nest.ts';
import {
  binary,
  int,
  less,
  literal,
  minus,
  named,
  plus,
  quotient,
  remainder,
  select,
  times,
} from '../gpu/expressions.ts';
import { estimate } from '../linear.ts';
import { KernelSketch, sketchedAll, type ScheduleOpaque, type Sketched } from '../sketch.ts';
import { dtypesOf, factsOf, shiftLeft, smaller } from './rows.ts';
import { combined, elementAt, nothing, rowAt, runningOf, runSerially, type RowPlace, type Running } from './running.ts';

const threads = 256;
/** Elements that a thread takes of each tile. */
const share = 4;
const tile = threads * share;
const partLength = 8192;
const local = named('%lx');

/** Schedules cumreduce for the GPU. */
export const cumreduceOnGpu: ScheduleOpaque = (nest, scope) => {
  const running = runningOf(nest, scope);
  const facts = factsOf(scope);
  const [rows, n] = [estimate(mul(running.outer, running.inner), facts), estimate(running.n, facts)];
  const job: Job = { running, scope, origin: nest.origin };
  if (n <= 64 || (rows >= 2048 && estimate(running.inner, facts) >= 32)) return sketchedAll([serial(job)]);
  if (running.starts === undefined && n >= 4 * partLength && rows <= 64) return inParts(job);
  return sketchedAll([scan(job, 'scan_rows', running.n)]);
};

interface Job {
  readonly running: Running;
  readonly scope: NestFunction;
  readonly origin: Parameters<ScheduleOpaque>[0]['origin'];
}

const rowsOf = ({ outer, inner }: Running): Dim => mul(outer, inner);

function serial({ running, scope, origin }: Job): Sketched {
  const s = new KernelSketch('gpu', dtypesOf(scope));
  return s.perThread(rowsOf(running), `cum${running.run.kind}`, origin, (row) =>
    runSerially(s, running, rowAt(s, running, row, running.inner, 1), 1),
  );
}

/** A value, and whether a run began anew on the way to it. */
interface Item {
  readonly value: KernelExpr;
  readonly flag: KernelExpr | undefined;
}

// earlier ∘ later; a run that began anew forgets what was before.
function joined(running: Running, earlier: Item, later: Item): Item {
  const value = combined(running, earlier.value, later.value);
  if (!earlier.flag || !later.flag) return { value, flag: undefined };
  return { value: select(later.flag, later.value, value), flag: binary('or', earlier.flag, later.flag) };
}

// One workgroup scans `length` elements of a row: the whole of it, or part after part, each with its total.
function scan({ running, scope, origin }: Job, name: string, length: Dim, totals?: Buffer): Sketched {
  const s = new KernelSketch('gpu', dtypesOf(scope, totals ? [totals] : []));
  const parts = totals ? ceilDiv(running.n, length) : one;
  return s.perWorkgroup(mul(rowsOf(running), parts), threads, name, origin, (i) => {
    const part = totals ? s.let(remainder(i, s.param(parts))) : int(0);
    const row = totals ? s.let(quotient(i, s.param(parts))) : i;
    const place = rowAt(s, running, row, running.inner, 1);
    const first = s.let(times(part, s.param(length)));
    const count = s.let(smaller(s.param(length), minus(s.param(running.n), first)));
    const carry = new TileScan(s, running, place, first, count).run();
    if (totals) s.if(binary('eq', local, int(0)), () => s.store(totals.id, i, carry));
  });
}

/** The tiles of one row, one after the other. */
class TileScan {
  private readonly values: string;
  private readonly flags: string | undefined;
  private readonly identity: KernelExpr;
  /** The flag of what came before, where runs have flags: it does not matter any more. */
  private readonly never: KernelExpr | undefined;

  constructor(
    private readonly s: KernelSketch,
    private readonly running: Running,
    private readonly row: RowPlace,
    private readonly first: KernelExpr,
    private readonly count: KernelExpr,
  ) {
    this.values = s.array(running.type, threads);
    this.flags = running.starts === undefined ? undefined : s.array('i32', threads);
    this.identity = nothing(running);
    this.never = this.flags === undefined ? undefined : literal('bool', 0);
  }

  /** Writes the row; the total of the whole run. */
  run(): KernelExpr {
    const { s } = this;
    const carry = s.var(this.identity);
    const tiles = s.let(quotient(plus(this.count, int(tile - 1)), int(tile)));
    s.for(int(0), tiles, (t) => {
      const start = s.let(plus(times(t, int(tile)), times(local, int(share))));
      const own = this.ownItems(start);
      const before = this.acrossThreads(own);
      const prefix = this.join({ value: carry, flag: this.never }, before);
      this.store(start, prefix, own);
      const all = this.shared(int(threads - 1));
      s.set(carry, this.join({ value: carry, flag: this.never }, all).value);
      s.barrier();
    });
    return carry;
  }

  private join(earlier: Item, later: Item): Item {
    const { value, flag } = joined(this.running, earlier, later);
    return { value: this.s.let(value), flag: flag && this.s.let(flag) };
  }

  // Running results over this thread's own elements.
  private ownItems(start: KernelExpr): Item[] {
    const { s, running } = this;
    const items: Item[] = [];
    for (let e = 0; e < share; e++) {
      const step = s.let(plus(start, int(e)));
      const isInside = s.let(less(step, this.count));
      const at = s.let(elementAt(s, running, this.row, plus(this.first, smaller(step, minus(this.count, int(1))))));
      const value = s.let(select(isInside, s.load(running.x, at), this.identity));
      const starts = running.starts;
      const item: Item = {
        value,
        flag: starts === undefined ? undefined : s.let(binary('and', isInside, s.load(starts, at))),
      };
      const before = items.at(-1);
      items.push(before ? this.join(before, item) : item);
    }
    return items;
  }

  private put({ value, flag }: Item): void {
    this.s.put(this.values, local, value);
    if (flag && this.flags !== undefined) this.s.put(this.flags, local, select(flag, int(1), int(0)));
  }

  private shared(at: KernelExpr): Item {
    const { s, flags } = this;
    const flag = flags === undefined ? undefined : s.let(binary('ne', s.get(flags, at), int(0)));
    return { value: s.let(s.get(this.values, at)), flag };
  }

  // What the threads before this one give; the totals of all threads stay in workgroup memory.
  private acrossThreads(own: readonly Item[]): Item {
    const { s } = this;
    const total = own.at(-1);
    if (total) this.put(total);
    s.barrier();
    s.for(int(0), int(Math.log2(threads)), (level) => {
      const distance = s.let(shiftLeft(int(1), level));
      const joinedUp = this.join(this.sharedBefore(distance), this.shared(local));
      s.barrier();
      this.put(joinedUp);
      s.barrier();
    });
    return this.sharedBefore(int(1));
  }

  // The item of the thread `distance` before this one; nothing where there is none.
  private sharedBefore(distance: KernelExpr): Item {
    const { s } = this;
    const exists = s.let(binary('le', distance, local));
    const { value, flag } = this.shared(select(exists, minus(local, distance), int(0)));
    return {
      value: s.let(select(exists, value, this.identity)),
      flag: flag && s.let(binary('and', exists, flag)),
    };
  }

  private store(start: KernelExpr, prefix: Item, own: readonly Item[]): void {
    const { s, running } = this;
    own.forEach((item, e) => {
      const before = own[e - 1];
      const shown = running.run.exclusive ? (before ? this.join(prefix, before) : prefix) : this.join(prefix, item);
      const step = s.let(plus(start, int(e)));
      s.if(less(step, this.count), () =>
        s.store(running.out, elementAt(s, running, this.row, plus(this.first, step)), shown.value),
      );
    });
  }
}

// Parts of rows, the running totals of parts, and those added to what follows.
function inParts(job: Job): ReturnType<ScheduleOpaque> {
  const { running, scope, origin } = job;
  const parts = ceilDiv(running.n, partLength);
  const { dtype } = running;
  const shape = [rowsOf(running), parts];
  const totals: Buffer = { id: `${running.out}.totals`, type: { dtype, shape } };
  const before: Buffer = { id: `${running.out}.before`, type: { dtype, shape } };
  const within = { ...scope, buffers: [...scope.buffers, totals, before] };
  const ofTotals: Running = {
    ...running,
    x: totals.id,
    out: before.id,
    outer: rowsOf(running),
    n: parts,
    inner: one,
    run: { ...running.run, reverse: false, exclusive: true },
  };
  const s = new KernelSketch('gpu', dtypesOf(within));
  const added = s.perThread(mul(rowsOf(running), running.n), 'scan_add', origin, (i) => {
    const row = s.let(quotient(i, s.param(running.n)));
    const step = s.let(remainder(i, s.param(running.n)));
    const at = s.let(elementAt(s, running, rowAt(s, running, row, running.inner, 1), step));
    const part = plus(times(row, s.param(parts)), quotient(step, int(partLength)));
    s.store(running.out, at, combined(running, s.load(before.id, part), s.load(running.out, at)));
  });
  const first = scan(job, 'scan_parts', constant(partLength), totals);
  const second = scan({ running: ofTotals, scope: within, origin }, 'scan_totals', parts);
  return sketchedAll([first, second, added], [totals, before]);
}
