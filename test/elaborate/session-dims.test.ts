// Which error a size gives that does not fit a session: E9102 where the entry's own dim is one of the session, E9103 where
// it is only required to be equal to one, E9101 where the arguments of a call disagree.
import { expect, test } from 'vitest';
import { failing } from '../diagnostics/run-module.ts';

const program = `
layer Store() {
  cache past: [b, cap, 2]
  fn add(x: [b, t, 2], pos: i32[]) -> [b, t, 2] requires cap % 2 == 0 {
    update past = put(past, x, at=pos, axis=1)
    x
  }
}
export model Echo() {
  let store = Store()
  export fn extend(x: [b, t, 2], pos: i32[]) -> [b, t, 2] = store.add(x, pos)
  export fn forward(x: [k, t, 2], pos: i32[]) -> [k, t, 2] = store.add(x, pos)
  export fn predict(x: [b, t, 2], y: [b, t, 2]) -> [b, t, 2] = store.add(x + y, 0)
}
`;

type Entry = 'extend' | 'forward' | 'predict';
const ones = (...shape: number[]): object => ({ data: new Float32Array(shape.reduce((a, b) => a * b)), shape });

async function message(entry: Entry, cap: number, ...args: readonly unknown[]): Promise<string> {
  const found = await failing(program, async (module) => {
    const net = await module.load({ device: 'wasm' });
    const session = await net.session({ b: 1, cap });
    await session[entry](...args);
  });
  return found.map((d) => `${d.code} ${d.message}`).join();
}

test.each<[string, Entry, number, readonly unknown[], RegExp]>([
  ['a dim of the session', 'extend', 8, [ones(2, 1, 2), 0], /^E9102 .*`b` is 2, but the session was made with 1/],
  ['a dim that must equal one of the session', 'forward', 8, [ones(2, 1, 2), 0], /^E9103 .*k/],
  ['a session that the entry cannot use', 'extend', 7, [ones(1, 1, 2), 0], /^E9103 .*cap/],
  ['more than the capacity', 'extend', 4, [ones(1, 5, 2), 0], /^E9103 .*(?:cap|t)/],
  ['arguments that disagree', 'predict', 8, [ones(1, 1, 2), ones(1, 2, 2)], /^E9101 /],
  ['a position behind the capacity', 'extend', 4, [ones(1, 2, 2), 3], /^E9104 /],
])('%s', async (_name, entry, cap, args, expected) => {
  expect(await message(entry, cap, ...args)).toMatch(expected);
});
