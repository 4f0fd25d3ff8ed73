// Horizontal fusion, for the GPU: dispatches that read the same memory and do not wait for one another become one, whose
// workgroups choose by their number what they compute. The projections of attention read one input, the gradients of a
// weight and of its bias one gradient. So do small dispatches of one kernel, as for the scales and shifts of norms.
// Launches are saved, and small kernels fill the device together.
import { asConstant } from '../../ir/dim.ts';
import type { Kernel } from '../../ir/kernel.ts';
import { workgroupsOf, type Dispatch, type PlanStep } from '../../ir/plan.ts';
import { maxStorageBindings } from '../schedule/gpu/writer.ts';
import type { Bound } from './bind.ts';
import { bindTogether, isLinear, sharedArrays, sideBySide } from './side-by-side.ts';
import { union, useOfStep, type Use } from './use.ts';

// Steps between two that may become one: what moves lives as much longer.
const reach = 8;

// Fewer workgroups than this leave most of a large device idle.
const small = 128;

// Workgroup memory that every device grants, in bytes.
const mostShared = 16_384;

interface Entry {
  readonly step: PlanStep;
  readonly use: Use;
  /** What runs side by side in a dispatch; nothing in other steps. */
  readonly parts: readonly Bound[];
}

const meets = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean => [...a].some((each) => b.has(each));

const conflict = ({ use: a }: Entry, { use: b }: Entry): boolean =>
  meets(a.writes, b.writes) || meets(a.writes, b.reads) || meets(a.reads, b.writes);

/** Kernels by name, and where new ones go. */
interface Kernels {
  named(name: string): Kernel;
  /** The kernel that `make` gives, made once for a key. */
  once(key: string, make: () => Kernel): Kernel;
}

/** The steps in an order that keeps every dependency, with fewer dispatches; `count` is told of each one that went. */
export function fuseHorizontally(steps: readonly PlanStep[], kernels: Kernels, count: () => void): PlanStep[] {
  const entries: Entry[] = [];
  for (const step of steps) {
    const entry = entryOf(step, kernels, count);
    if (joins(entries, entry)) count();
    else entries.push(entry);
  }
  return entries.map(({ step, parts }) => (parts.length > 1 ? fused(parts, kernels) : step));
}

function fused(parts: readonly Bound[], kernels: Kernels): Dispatch {
  const together = bindTogether(parts);
  const { buffers, params, scalars, grid } = together;
  const { name } = kernels.once(together.key, () => sideBySide(parts, together));
  return { kind: 'dispatch', kernel: name, buffers, params, scalars, grid };
}

function entryOf(step: PlanStep, kernels: Kernels, count: () => void): Entry {
  const use = useOfStep(step, (name) => kernels.named(name));
  if (step.kind === 'dispatch') return { step, use, parts: [{ kernel: kernels.named(step.kernel), dispatch: step }] };
  if (!('body' in step)) return { step, use, parts: [] };
  return { step: { ...step, body: fuseHorizontally(step.body, kernels, count) }, use, parts: [] };
}

// Puts `entry` beside an earlier one, the latest that fits: up to its place, or that one down to the end.
function joins(entries: Entry[], entry: Entry): boolean {
  let movesUp = true;
  for (let at = entries.length - 1; at >= Math.max(0, entries.length - reach); at--) {
    const other = entries[at];
    if (!other) return false;
    const waits = conflict(other, entry);
    const movesDown = (): boolean => entries.slice(at + 1).every((between) => !conflict(other, between));
    if (!waits && fit(other, entry) && (movesUp || movesDown())) {
      const joined = { ...entry, use: union([other.use, entry.use]), parts: [...other.parts, ...entry.parts] };
      if (movesUp) entries[at] = joined;
      else entries.push(...entries.splice(at).slice(1), joined);
      return true;
    }
    movesUp &&= !waits;
  }
  return false;
}

// Dispatches of one kernel that leave room for one another.
function areSmall(parts: readonly Bound[]): boolean {
  const [first] = parts;
  return parts.every(
    ({ kernel, dispatch }) => kernel === first?.kernel && (asConstant(workgroupsOf(dispatch)) ?? Infinity) < small,
  );
}

// Whether the parts of two entries may be one kernel, and pay as one: they read the same memory, or are alike and small.
function fit(a: Entry, b: Entry): boolean {
  const parts = [...a.parts, ...b.parts];
  const [size] = parts.map(({ kernel }) => kernel.workgroup.join());
  return (
    a.parts.length > 0 &&
    b.parts.length > 0 &&
    (meets(a.use.reads, b.use.reads) || areSmall(parts)) &&
    parts.every(({ kernel }) => kernel.workgroup.join() === size && isLinear(kernel)) &&
    new Set(parts.flatMap(({ dispatch }) => dispatch.buffers)).size <= maxStorageBindings &&
    sharedArrays(parts).arrays.reduce((bytes, array) => bytes + array.size * 4, 0) <= mostShared
  );
}
