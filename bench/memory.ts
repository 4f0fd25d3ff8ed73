// How tightly temporaries are packed: for every program of `examples/` and every plan of both targets, the bytes of the
// arena over those of its fullest moment, with each dim at a middle size.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { evaluateDim, mul, product } from '../src/ir/dim.ts';
import { byteSize } from '../src/ir/dtype.ts';
import type { Plan, PlanBuffer } from '../src/ir/plan.ts';
import { packIntervals } from '../src/runtime/arena.ts';
import type { BufferSpec } from '../src/runtime/program.ts';
import { compileProgram, exampleFolders } from '../scripts/example-modules.ts';
import type { Row, Workload } from './workload.ts';

/** A size that a dim has where its bounds allow it. */
const middle = 32;

interface Packing {
  readonly plan: string;
  readonly packed: number;
  readonly fullest: number;
}

// Buffers that share memory are one, alive from the first of them to the last.
function packingOf(plan: Plan): Packing {
  const sizes = new Map(
    plan.dims.map(({ name, min, max = Infinity }) => [name, Math.min(Math.max(middle, min), max)] as const),
  );
  const bytes = ({ shape, dtype }: PlanBuffer): number =>
    Math.ceil(evaluateDim(mul(product(shape), byteSize[dtype]), (name) => sizes.get(name)) / 256) * 256;
  const byId = new Map(plan.buffers.map((buffer) => [buffer.id, buffer]));
  const rootOf = (buffer: PlanBuffer): PlanBuffer => {
    const next = buffer.alias === undefined ? undefined : byId.get(buffer.alias);
    return next ? rootOf(next) : buffer;
  };
  const joined = new Map<string, { bytes: number; first: number; last: number }>();
  for (const buffer of plan.buffers) {
    const root = rootOf(buffer);
    if (root.pool !== 'arena') continue;
    const { bytes: size, first, last } = joined.get(root.id) ?? { bytes: 0, first: Infinity, last: -1 };
    joined.set(root.id, {
      bytes: Math.max(size, bytes(buffer)),
      first: Math.min(first, buffer.first),
      last: Math.max(last, buffer.last),
    });
  }
  const buffers = [...joined.values()];
  const specs = buffers.map(({ bytes: size, first, last }): BufferSpec => [0, size, first, last]);
  const moments = buffers.map(({ first }) =>
    buffers.reduce((sum, { bytes: size, ...own }) => sum + (own.first <= first && first <= own.last ? size : 0), 0),
  );
  const [packed, fullest] = [packIntervals(specs, 0).bytes, Math.max(0, ...moments)];
  return { plan: `${plan.target} ${plan.name}`, packed, fullest };
}

const hasModel = (file: string): boolean => /^export model /m.test(readFileSync(file, 'utf8'));

const ratio = ({ packed, fullest }: Packing): number => (fullest === 0 ? 1 : packed / fullest);

/** The workload `memory`. */
export const memory: Workload = {
  name: 'memory',
  async *run({ only }): AsyncGenerator<Row> {
    for (const folder of exampleFolders()) {
      if (!folder.includes(only)) continue;
      const path = join('examples', folder);
      const packings: Packing[] = [];
      const programs = readdirSync(path).filter((name) => name.endsWith('.dlm'));
      for (const file of programs.map((name) => join(path, name)).filter(hasModel)) {
        const { lowered } = await compileProgram(file);
        packings.push(...lowered.programs.flatMap(({ plans }) => plans.map(packingOf)));
      }
      const [worst] = packings.toSorted((a, b) => ratio(b) - ratio(a));
      if (!worst) continue;
      yield {
        name: `${folder}: ${worst.plan}, worst of ${packings.length} plans`,
        value: Number(ratio(worst).toFixed(3)),
        unit: '× the largest live set',
        goal: 'at most 1.1',
        met: ratio(worst) <= 1.1,
      };
    }
  },
};
