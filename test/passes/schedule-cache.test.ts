// A program that is compiled again is scheduled only where it changed, and comes out as if it were compiled alone.
import { expect, test } from 'vitest';
import { check, compile, lowerModule, type FileHost } from '../../src/index.ts';
import { ScheduleCache } from '../../src/passes/plan/schedule-cache.ts';
import { scheduleForCpu } from '../../src/passes/schedule/cpu.ts';

const program = (width: number, before = ''): FileHost => ({
  read: () => `${before}
    import { Linear } from "std/nn"
    export model Net() {
      let first = Linear(6, 9)
      let second = Linear(9, ${width})
      let third = Linear(${width}, 3)
      export fn forward(x: [b, 6]) -> [b, 3] = x |> first |> tanh |> second |> tanh |> third
    }`,
  resolve: (_, path) => path,
});

test('what a program is compiled after changes nothing of it', async () => {
  const made = async (width: number, before?: string): Promise<unknown> => {
    const { js, dts } = await compile(program(width, before), 'net.dlm', { profile: true });
    return { js, dts };
  };
  const [narrow, lower] = [await made(5), await made(5, '// A line more.\n')];
  await made(7);
  expect(await made(5)).toEqual(narrow);
  expect(await made(5, '// A line more.\n')).toEqual(lower);
  expect(lower).not.toEqual(narrow);
});

test('nests that stay the same are not scheduled again', () => {
  let before: ScheduleCache['schedules'] | undefined;
  const scheduledOf = (width: number): number => {
    const { module } = check(program(width), 'net.dlm');
    if (!module) throw new Error('the program is wrong');
    const [fn] = lowerModule(module, []).nests.functions;
    let scheduled = 0;
    const cache = new ScheduleCache((nest, scope) => {
      scheduled++;
      return scheduleForCpu(nest, scope);
    }, before);
    for (const step of fn?.body ?? []) if (fn && step.kind !== 'loop') cache.get(step, fn, () => false);
    before = cache.schedules;
    return scheduled;
  };
  expect(scheduledOf(5)).toBe(3);
  expect(scheduledOf(5)).toBe(0);
  expect(scheduledOf(7)).toBe(2);
});
