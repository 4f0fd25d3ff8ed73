// Construction: paths, sharing, ties, holes, modes, settings, lists of layers.
import { describe, expect, test } from 'vitest';
import { program } from './files.ts';
import { functionNamed, graphOf, run } from './evaluate.ts';

const nn = 'import { Linear, Embedding, Dropout, LayerNorm, RMSNorm, BatchNorm1d, Sequential, ReLU } from "std/nn"\n';
const parameters = (text: string, set = {}): string[] =>
  graphOf(nn + text, set).models.flatMap((m) =>
    m.parameters.map(
      (p) =>
        `${p.path} [${p.type.shape.map((d) => d.key).join(', ')}]${p.aliases.length > 0 ? ` = ${p.aliases.join(', ')}` : ''}`,
    ),
  );

describe('paths', () => {
  test('members, lists, nested layers and names given by @name', () => {
    expect(
      parameters(`
      layer Block(d: int) {
        let norm = LayerNorm(d)
        @name("proj") let out = Linear(d, d, bias=false)
        fn forward(x: [..., d]) -> [..., d] = x + out(norm(x))
      }
      export model Net(d: int = 4, depth: int = 2) {
        let h = for i in 0..depth => Block(d)
        let tail = [Linear(d, 3), Linear(3, 2)]
        export fn forward(x: [b, d]) -> [b, 2] {
          let x = fold x = x over blk in h => blk(x)
          fold x = x over f in tail => f(x)
        }
      }`),
    ).toEqual([
      'h.0.norm.weight [4]',
      'h.0.norm.bias [4]',
      'h.0.proj.weight [4, 4]',
      'h.1.norm.weight [4]',
      'h.1.norm.bias [4]',
      'h.1.proj.weight [4, 4]',
      'tail.0.weight [3, 4]',
      'tail.0.bias [3]',
      'tail.1.weight [2, 3]',
      'tail.1.bias [2]',
    ]);
  });

  test('a constructor argument lands in the callee, a shared instance has one weight', () => {
    expect(
      parameters(`
      layer Twice(inner: layer) {
        fn forward(x: [..., d]) -> [..., d] = inner(inner(x))
      }
      export model Net() {
        let first = Twice(Linear(4, 4))
        let shared = Linear(4, 4, bias=false)
        let second = Twice(shared)
        export fn forward(x: [b, 4]) -> [b, 4] = second(first(x))
      }`),
    ).toEqual(['first.inner.weight [4, 4]', 'first.inner.bias [4]', 'shared.weight [4, 4] = second.inner.weight']);
  });

  test('a tied embedding has one weight', () => {
    const text = `
      export model Net(vocab: int = 5, d: int = 3) {
        let wte = Embedding(vocab, d)
        let head = Linear(d, vocab, bias=false) with { weight=wte.weight }
        export fn forward(ids: i32[b]) -> [b, vocab] = head(wte(ids))
      }`;
    expect(parameters(text)).toEqual(['wte.weight [5, 3] = head.weight']);
    const weight = [
      [1, 0, 2],
      [0, 1, 0],
      [3, 0, 0],
      [0, 0, 1],
      [1, 1, 1],
    ];
    const { result } = run(graphOf(nn + text), 'Net.forward', { ids: [2], 'wte.weight': weight });
    expect([...(result?.data ?? [])]).toEqual([3, 0, 9, 0, 3]);
  });

  test('an overridden parameter that is computed has no key', () => {
    const text = `
      export model Net() {
        let base = Linear(2, 2, bias=false)
        let half = base with { weight=0.5 * base.weight }
        export fn forward(x: [b, 2]) -> [b, 2] = half(x)
      }`;
    expect(parameters(text)).toEqual(['base.weight [2, 2]']);
    expect([
      ...(run(graphOf(nn + text), 'Net.forward', {
        x: [[1, 2]],
        'base.weight': [
          [2, 4],
          [6, 8],
        ],
      })['result']?.data ?? []),
    ]).toEqual([5, 11]);
  });

  test('`_` is solved at the first call, and what depends on it follows', () => {
    expect(
      parameters(`
      export model Net() {
        let fc = Linear(_, 10)
        let out = Linear(_, 2, bias=false)
        export fn forward(x: [b, 7]) -> [b, 2] = x |> fc |> relu |> out
      }`),
    ).toEqual(['fc.weight [10, 7]', 'fc.bias [10]', 'out.weight [2, 10]']);
  });

  test('config from --set, with its type', () => {
    const text =
      'export model Net(d: int = 4, bias: bool = true) {\n let fc = Linear(d, 2, bias=bias)\n export fn forward(x: [b, d]) -> [b, 2] = fc(x)\n}';
    expect(parameters(text, { 'Net.d': '6', 'Net.bias': 'false' })).toEqual(['fc.weight [2, 6]']);
    expect(program(nn + text, { 'Net.d': 'six' }).diagnostics.map((d) => d.code)).toEqual(['E0402']);
  });

  test('a param with a false `when` is none', () => {
    expect(
      parameters(
        'export model Net() {\n let fc = Linear(2, 2, bias=false)\n export fn forward(x: [b, 2]) -> [b, 2] = fc(x)\n}',
      ),
    ).toEqual(['fc.weight [2, 2]']);
  });

  test('Sequential holds layers by index', () => {
    expect(
      parameters(
        'export model Net() {\n let net = Sequential([Linear(2, 3), ReLU(), Linear(3, 1)])\n export fn forward(x: [b, 2]) = net(x)\n}',
      ),
    ).toEqual(['net.0.weight [3, 2]', 'net.0.bias [3]', 'net.2.weight [1, 3]', 'net.2.bias [1]']);
  });
});

describe('modes and state', () => {
  const text = `${nn}
    import { SGD } from "std/optim"
    export model Net() {
      let bn = BatchNorm1d(2)
      export fn forward(x: [b, 2]) -> [b, 2] = bn(x)
    }
    export train Fit(net: Net) {
      batch x: f32[b, 2]
      minimize sum(net(x) ^ 2) using SGD(lr=0.0)
    }
    export train Frozen(net: Net) {
      batch x: f32[b, 2]
      minimize sum((net with { training=false })(x) ^ 2) using SGD(lr=0.0)
    }`;
  const x = [
    [1, 2],
    [3, 6],
  ];
  const params = {
    'bn.weight': [1, 1],
    'bn.bias': [0, 0],
    'bn.running_mean': [0, 0],
    'bn.running_var': [1, 1],
    'bn.num_batches_tracked': 0,
    iteration: 0,
  };

  test('batch norm uses and moves its statistics while training only', () => {
    const module = graphOf(text);
    const step = run(module, 'Fit.step', { x, ...params });
    expect([...(step['bn.running_mean']?.data ?? [])].map((v) => Number(v.toFixed(6)))).toEqual([0.2, 0.4]);
    expect([...(step['bn.running_var']?.data ?? [])].map((v) => Number(v.toFixed(6)))).toEqual([1.1, 1.7]);
    expect(step['loss']?.data[0]).toBeCloseTo(4, 4);
    const evaluation = run(module, 'Fit.evaluate', { x, ...params });
    expect(Object.keys(evaluation)).toEqual(['loss']);
    expect(evaluation['loss']?.data[0]).toBeCloseTo(50, 2);
  });

  test('a model with { training=false } keeps its statistics', () => {
    const step = run(graphOf(text), 'Frozen.step', { x, ...params });
    expect(Object.keys(step)).not.toContain('bn.running_mean');
    expect(step['loss']?.data[0]).toBeCloseTo(50, 2);
  });

  test('dropout draws two masks in two calls, and none in an entry', () => {
    const module = graphOf(`${nn}
      import { SGD } from "std/optim"
      export model Net() {
        let fc = Linear(1, 1)
        let drop = Dropout(0.5)
        export fn forward(x: [b, 1]) -> [b, 1] = drop(fc(x))
      }
      export train Fit(net: Net) {
        batch x: f32[b, 1]
        minimize mean(net(x)) using SGD(lr=0.0)
        metric first = rearrange[b 1 -> b](net(x))
        metric second = rearrange[b 1 -> b](net(x))
      }`);
    const inputs = {
      x: Array.from({ length: 40 }, () => [1]),
      'fc.weight': [[1]],
      'fc.bias': [0],
      iteration: 0,
      'key.0': 5,
      'key.1': 9,
    };
    const { first, second } = run(module, 'Fit.step', inputs);
    expect(new Set(first?.data)).toEqual(new Set([0, 2]));
    expect([...(first?.data ?? [])]).not.toEqual([...(second?.data ?? [])]);
    expect(functionNamed(module, 'Net.forward').inputs.map((i) => i.role)).toEqual(['argument', 'param', 'param']);
    expect(functionNamed(module, 'Fit.evaluate').inputs.map((i) => i.role)).not.toContain('key');
  });
});

describe('initialisation', () => {
  test('weights follow their scheme, biases the fan of the weight', () => {
    const module = graphOf(`${nn}
      export model Net() {
        let fc = Linear(100, 50)
        let norm = RMSNorm(50)
        export fn forward(x: [b, 100]) -> [b, 50] = norm(fc(x))
      }`);
    const init = run(module, 'Net.init', { 'key.0': 3, 'key.1': 4 });
    const largest = (name: string): number => Math.max(...[...(init[name]?.data ?? [])].map(Math.abs));
    expect(largest('fc.weight')).toBeLessThanOrEqual(0.1);
    expect(largest('fc.weight')).toBeGreaterThan(0.099);
    expect(largest('fc.bias')).toBeLessThanOrEqual(0.1);
    expect(new Set(init['norm.weight']?.data)).toEqual(new Set([1]));
    expect(run(module, 'Net.init', { 'key.0': 3, 'key.1': 4 })['fc.weight']).toEqual(init['fc.weight']);
    expect(run(module, 'Net.init', { 'key.0': 4, 'key.1': 4 })['fc.weight']).not.toEqual(init['fc.weight']);
  });
});

describe('entries', () => {
  test('tuples, lists and names make the structure of the result', () => {
    const { module } = program(`
      export model Net() {
        export fn f(x: [b]) -> (twice: [b], parts: list) = (twice=2 * x, parts=[x, sum(x)])
        export fn g(x: [b]) -> i32[] = shape(x)[0]
      }`);
    expect(module.entries['Net.f']?.returns).toEqual({
      kind: 'tuple',
      items: [
        { name: 'twice', item: { kind: 'tensor', result: 'twice' } },
        {
          name: 'parts',
          item: {
            kind: 'list',
            items: [{ item: { kind: 'tensor', result: 'parts.0' } }, { item: { kind: 'tensor', result: 'parts.1' } }],
          },
        },
      ],
    });
    expect(run(module, 'Net.g', { x: [4, 5, 6] })['result']?.data[0]).toBe(3);
  });

  test('`requires` and `as` become facts of the function', () => {
    const { module, diagnostics } = program(`
      export model Net() {
        export fn f(x: [n]) -> [2, n / 2] requires n % 2 == 0 = reshape(x, [2, n / 2])
        export fn g(x: [n], y: [m]) -> [n] = x + (y as [n])
      }`);
    expect(diagnostics).toEqual([]);
    expect(functionNamed(module, 'Net.f').facts.map((f) => f.kind)).toEqual(['multiple']);
    expect(functionNamed(module, 'Net.g').facts.map((f) => `${f.kind} ${f.lhs.key}`)).toEqual([
      expect.stringMatching(/^==0 /),
    ]);
  });
});

describe('construction and effects in functions', () => {
  test('a function that a member calls constructs for it', () => {
    expect(
      parameters(`
      fn stack_of(n: int, depth: int) = for i in 0..depth => Linear(n, n, bias=false)
      export model Net() {
        let h = stack_of(4, 2)
        export fn forward(x: [b, 4]) -> [b, 4] = fold x = x over l in h => l(x)
      }`),
    ).toEqual(['h.0.weight [4, 4]', 'h.1.weight [4, 4]']);
  });

  test('updates in the branches of a run-time `if` are conditional', () => {
    const module = graphOf(`
      export model Net() {
        state ups: f32[] = zeros()
        state last: f32[] = zeros()
        export fn forward(x: [b]) -> [] = if sum(x) > 0.0 {
          update ups = ups + 1.0
          update last = sum(x)
          ups
        } else {
          update last = -1.0
          ups * 10.0
        }
      }`);
    const after = (x: number[]): unknown[] => {
      const results = run(module, 'Net.forward', { x, ups: 2, last: 5 }, { b: 2 });
      return ['result', 'ups', 'last'].map((name) => results[name]?.data[0]);
    };
    expect(after([1, 2])).toEqual([3, 3, 3]);
    expect(after([-1, -2])).toEqual([20, 2, -1]);
  });

  test('an initialiser with a fourth parameter gets its key', () => {
    const module = graphOf(`
      fn keyed(shape: list, fan_in: int, fan_out: int, key: u32[2]) = full(shape, 1.0) * f32(key % 1024)[:1] + fan_in
      export model Net() {
        param a: [3, 2] = keyed
        param b: [3, 2] = keyed
        export fn forward(x: [3, 2]) -> [3, 2] = x + a + b
      }`);
    const init = run(module, 'Net.init', { 'key.0': 1, 'key.1': 2 });
    const [a, b] = [[...(init['a']?.data ?? [])], [...(init['b']?.data ?? [])]];
    expect(new Set(a).size).toBe(1);
    expect(a).not.toEqual(b);
    expect([a[0], b[0]].every((x) => x !== undefined && x >= 2 && x < 1026)).toBe(true);
  });
});
