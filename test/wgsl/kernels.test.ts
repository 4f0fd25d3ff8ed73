// The text of a few kernels: what a change of schedule or printer does to them shows here.
import { describe, expect, test } from 'vitest';
import type { NestFunction } from '../../src/ir/nest.ts';
import { maxStorageBindings, scheduleForGpu } from '../../src/passes/schedule/gpu.ts';
import { printWgsl } from '../../src/codegen/wgsl/print.ts';
import type { Kernel, KernelExpr } from '../../src/ir/kernel.ts';
import type { Expr } from '../../src/ir/expr.ts';
import { at, axis, bin, dynamic, load, n, nest, nestFunction, num, reduce, result, store } from './nests.ts';
import { scheduleAll, wgslOf } from './run-on-device.ts';

const textOf = (fn: NestFunction): string => scheduleAll(fn, scheduleForGpu).kernels.map(wgslOf).join('\n');
const [i, j, k] = [axis('i', n('b')), axis('j', 64), axis('k', 128)];

const scale = (name: string, columns: number): NestFunction =>
  nestFunction(
    { [name]: { shape: [n('b'), columns] } },
    { y: { shape: [n('b'), columns] } },
    [
      nest(
        [i, axis('c', columns)],
        store('y', [at(i), at(axis('c', columns))], bin('mul', load(name, [at(i), at(axis('c', columns))]), num(0.1))),
      ),
    ],
    ['b'],
  );

describe('text of kernels', () => {
  test('a map over vectors', () => {
    expect(textOf(scale('x', 64))).toMatchInlineSnapshot(`
      "@group(0) @binding(0) var<storage, read> b0: array<vec4f>;
      @group(0) @binding(1) var<storage, read_write> b1: array<vec4f>;
      @group(0) @binding(2) var<uniform> p: array<vec4i, 1>;
      @compute @workgroup_size(64, 1, 1)
      fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_id) lid: vec3u, @builtin(num_workgroups) nwg: vec3u) {
        let v0 = ((i32(wid.x) + (i32(wid.y) * i32(nwg.x))) * 64) + i32(lid.x);
        if (v0 < p[0].x) {
          let v1 = v0 * 4;
          b1[v1 >> 2u] = b0[v1 >> 2u] * 0.1f;
        }
      }
      "
    `);
  });

  test('a map over rows that do not divide by four', () => {
    expect(textOf(scale('x', 5))).toMatchInlineSnapshot(`
      "@group(0) @binding(0) var<storage, read> b0: array<f32>;
      @group(0) @binding(1) var<storage, read_write> b1: array<f32>;
      @group(0) @binding(2) var<uniform> p: array<vec4i, 1>;
      @compute @workgroup_size(64, 1, 1)
      fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_id) lid: vec3u, @builtin(num_workgroups) nwg: vec3u) {
        let v0 = ((i32(wid.x) + (i32(wid.y) * i32(nwg.x))) * 64) + i32(lid.x);
        if (v0 < p[0].x) {
          b1[v0] = b0[v0] * 0.1f;
        }
      }
      "
    `);
  });

  test('the largest of each row', () => {
    const fn = nestFunction(
      { x: { shape: [n('b'), 64] } },
      { y: { shape: [n('b')] } },
      [nest([i], reduce('r', [j], 'max', [load('x', [at(i), at(j)])]), store('y', [at(i)], result('r')))],
      ['b'],
    );
    expect(textOf(fn)).toMatchInlineSnapshot(`
      "@group(0) @binding(0) var<storage, read> b0: array<vec4f>;
      @group(0) @binding(1) var<storage, read_write> b1: array<f32>;
      @group(0) @binding(2) var<uniform> p: array<vec4i, 1>;
      var<workgroup> a0: array<f32, 64>;
      @compute @workgroup_size(64, 1, 1)
      fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_id) lid: vec3u, @builtin(num_workgroups) nwg: vec3u) {
        let v0 = i32(wid.x) + (i32(wid.y) * i32(nwg.x));
        if (v0 < p[0].y) {
          var x1: vec4f = vec4f((-3.4028234663852886e38f));
          for (var i2 = i32(lid.x) * 4; i2 < p[0].x; i2 += 256) {
            x1 = max(x1, b0[((v0 * p[0].x) + i2) >> 2u]);
          }
          a0[i32(lid.x)] = max(max(x1.x, x1.y), max(x1.z, x1.w));
          workgroupBarrier();
          if (i32(lid.x) < 32) {
            a0[i32(lid.x)] = max(a0[i32(lid.x)], a0[i32(lid.x) + 32]);
          }
          workgroupBarrier();
          if (i32(lid.x) < 16) {
            a0[i32(lid.x)] = max(a0[i32(lid.x)], a0[i32(lid.x) + 16]);
          }
          workgroupBarrier();
          if (i32(lid.x) < 8) {
            a0[i32(lid.x)] = max(a0[i32(lid.x)], a0[i32(lid.x) + 8]);
          }
          workgroupBarrier();
          if (i32(lid.x) < 4) {
            a0[i32(lid.x)] = max(a0[i32(lid.x)], a0[i32(lid.x) + 4]);
          }
          workgroupBarrier();
          if (i32(lid.x) < 2) {
            a0[i32(lid.x)] = max(a0[i32(lid.x)], a0[i32(lid.x) + 2]);
          }
          workgroupBarrier();
          if (i32(lid.x) < 1) {
            a0[i32(lid.x)] = max(a0[i32(lid.x)], a0[i32(lid.x) + 1]);
          }
          workgroupBarrier();
          let v2 = a0[0];
          if (i32(lid.x) == 0) {
            b1[v0] = v2;
          }
        }
      }
      "
    `);
  });

  test('a product with a bias', () => {
    const fn = nestFunction(
      { x: { shape: [n('b'), 128] }, w: { shape: [64, 128] }, bias: { shape: [64] } },
      { y: { shape: [n('b'), 64] } },
      [
        nest(
          [i, j],
          reduce('r', [k], 'sum', [bin('mul', load('x', [at(i), at(k)]), load('w', [at(j), at(k)]))]),
          store('y', [at(i), at(j)], bin('add', result('r'), load('bias', [at(j)]))),
        ),
      ],
      ['b'],
    );
    expect(textOf(fn)).toMatchInlineSnapshot(`
      "@group(0) @binding(0) var<storage, read> b0: array<vec4f>;
      @group(0) @binding(1) var<storage, read> b1: array<vec4f>;
      @group(0) @binding(2) var<storage, read> b2: array<vec4f>;
      @group(0) @binding(3) var<storage, read_write> b3: array<vec4f>;
      @group(0) @binding(4) var<uniform> p: array<vec4i, 2>;
      var<workgroup> a0: array<vec4f, 128>;
      var<workgroup> a1: array<vec4f, 128>;
      @compute @workgroup_size(64, 1, 1)
      fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_id) lid: vec3u, @builtin(num_workgroups) nwg: vec3u) {
        let v0 = i32(wid.x) + (i32(wid.y) * i32(nwg.x));
        if (v0 < p[1].x) {
          let v1 = (v0 / 2) * 32;
          let v2 = (v0 % 2) * 32;
          var x3: vec4f = vec4f(0.0f);
          var x4: vec4f = vec4f(0.0f);
          var x5: vec4f = vec4f(0.0f);
          var x6: vec4f = vec4f(0.0f);
          let v7 = (i32(lid.x) / 8) * 4;
          let v8 = (i32(lid.x) % 8) * 4;
          for (var i9 = 0; i9 < p[0].y; i9 += 16) {
            if (i32(lid.x) < 32) {
              let v10 = (i32(lid.x) % 4) * 4;
              let v11 = (i32(lid.x) / 4) * 4;
              let v12 = v1 + v11;
              let v13 = i9 + v10;
              let v14 = b0[((min(v12, p[0].x) * p[0].y) + v13) >> 2u];
              let v15 = b0[((min((v12 + 1), p[0].x) * p[0].y) + v13) >> 2u];
              let v16 = b0[((min((v12 + 2), p[0].x) * p[0].y) + v13) >> 2u];
              let v17 = b0[((min((v12 + 3), p[0].x) * p[0].y) + v13) >> 2u];
              a0[((v10 * 32) + v11) >> 2u] = vec4f(v14.x, v15.x, v16.x, v17.x);
              a0[(((v10 + 1) * 32) + v11) >> 2u] = vec4f(v14.y, v15.y, v16.y, v17.y);
              a0[(((v10 + 2) * 32) + v11) >> 2u] = vec4f(v14.z, v15.z, v16.z, v17.z);
              a0[(((v10 + 3) * 32) + v11) >> 2u] = vec4f(v14.w, v15.w, v16.w, v17.w);
            } else {
              let v10 = ((i32(lid.x) - 32) % 4) * 4;
              let v11 = ((i32(lid.x) - 32) / 4) * 4;
              let v12 = v2 + v11;
              let v13 = i9 + v10;
              let v14 = b1[((v12 * p[0].y) + v13) >> 2u];
              let v15 = b1[(((v12 + 1) * p[0].y) + v13) >> 2u];
              let v16 = b1[(((v12 + 2) * p[0].y) + v13) >> 2u];
              let v17 = b1[(((v12 + 3) * p[0].y) + v13) >> 2u];
              a1[((v10 * 32) + v11) >> 2u] = vec4f(v14.x, v15.x, v16.x, v17.x);
              a1[(((v10 + 1) * 32) + v11) >> 2u] = vec4f(v14.y, v15.y, v16.y, v17.y);
              a1[(((v10 + 2) * 32) + v11) >> 2u] = vec4f(v14.z, v15.z, v16.z, v17.z);
              a1[(((v10 + 3) * 32) + v11) >> 2u] = vec4f(v14.w, v15.w, v16.w, v17.w);
            }
            workgroupBarrier();
            for (var i10 = 0; i10 < 16; i10++) {
              let v11 = a0[((i10 * 32) + v7) >> 2u];
              let v12 = a1[((i10 * 32) + v8) >> 2u];
              x3 = fma(vec4f(v11.x), v12, x3);
              x4 = fma(vec4f(v11.y), v12, x4);
              x5 = fma(vec4f(v11.z), v12, x5);
              x6 = fma(vec4f(v11.w), v12, x6);
            }
            workgroupBarrier();
          }
          let v9 = v2 + v8;
          let v10 = v1 + v7;
          for (var i11 = 0; i11 < 4; i11++) {
            let v12 = v10 + i11;
            let v13 = select(select(select(x3, x4, i11 == 1), x5, i11 == 2), x6, i11 == 3);
            if (v12 < p[0].z) {
              b3[((v12 * p[0].w) + v9) >> 2u] = v13 + b2[v9 >> 2u];
            }
          }
        }
      }
      "
    `);
  });
});

describe('vectors', () => {
  test('rows of a table are gathered four elements at a time', () => {
    const row = dynamic(load('ids', [at(i)], 'i32'));
    const fn = nestFunction(
      { table: { shape: [10, 64] }, ids: { shape: [n('b')], dtype: 'i32' } },
      { y: { shape: [n('b'), 64] } },
      [nest([i, j], store('y', [at(i), at(j)], load('table', [row, at(j)])))],
      ['b'],
    );
    expect(textOf(fn)).toContain('= b0[((b1[v3] * p[0].x) + v2) >> 2u];');
  });
});

describe('kernels are shared', () => {
  test('equal work over other buffers and extents is one kernel', () => {
    const [a, b] = [scale('x', 64), scale('other', 256)].map((fn) => scheduleAll(fn, scheduleForGpu));
    expect(a?.kernels).toEqual(b?.kernels);
    expect(a?.steps).not.toEqual(b?.steps);
  });

  test('the index of a loop around the nest is a parameter', () => {
    const fn = nestFunction(
      { x: { shape: [9, n('b'), 64] } },
      { y: { shape: [n('b'), 64] } },
      [nest([i, j], store('y', [at(i), at(j)], load('x', [n('%t'), at(i), at(j)])))],
      ['b'],
    );
    const [step] = scheduleAll(fn, scheduleForGpu).steps;
    expect(step?.kind === 'dispatch' ? step.params.map(({ key }) => key) : []).toEqual(['64*%t*b', '16*b']);
  });

  test('every parameter is used, so that the uniform has no dead words', () => {
    for (const kernel of scheduleAll(scale('x', 5), scheduleForGpu).kernels) {
      kernel.params.forEach((_, word) => expect(wgslOf(kernel)).toContain(`p[${word >> 2}].${'xyzw'[word & 3] ?? ''}`));
    }
  });
});

const storing = (value: KernelExpr): string => {
  const kernel: Kernel = {
    name: 'k',
    target: 'gpu',
    params: [],
    scalars: [],
    arrays: [],
    workgroup: [1, 1, 1],
    origin: [],
    buffers: [{ name: 'b0', dtype: value.type, access: 'write' }],
    body: [{ kind: 'store', buffer: 'b0', index: { kind: 'const', type: 'i32', width: 1, value: 0 }, value }],
  };
  return /b0\[0\] = (.*);/.exec(printWgsl(kernel, ['read_write']))?.[1] ?? '';
};
const constant = (type: 'f32' | 'i32' | 'u32', value: number): string =>
  storing({ kind: 'const', type, width: 1, value });

describe('limits and numbers', () => {
  test('a reduction over a ninth buffer is refused with their number', () => {
    const names = Array.from({ length: maxStorageBindings }, (_, at) => `x${at}`);
    const sum = names.map((name): Expr => load(name, [at(j)])).reduce((a, b) => bin('add', a, b));
    const fn = nestFunction(Object.fromEntries(names.map((name) => [name, { shape: [64] }])), { y: { shape: [] } }, [
      nest([], reduce('s', [j], 'sum', [sum]), store('y', [], result('s'))),
    ]);
    expect(() => textOf(fn)).toThrow('k binds 9 buffers, and WebGPU grants 8');
  });

  test('constants read back as the same number', () => {
    expect(constant('f32', Math.fround(0.1))).toBe('0.1f');
    expect(constant('f32', 1e30)).toBe('1e30f');
    expect(constant('f32', -3.4028234663852886e38)).toBe('(-3.4028234663852886e38f)');
    expect(constant('f32', -0)).toBe('(-0f)');
    expect(constant('i32', -2147483648)).toBe('i32(-2147483647 - 1)');
    expect(constant('u32', 4294967295)).toBe('4294967295u');
    expect(() => constant('f32', Infinity)).toThrow('WGSL cannot write the number Infinity');
  });

  test('functions without an accurate built-in are refused', () => {
    const one: KernelExpr = { kind: 'const', type: 'f32', width: 1, value: 1 };
    expect(() => storing({ kind: 'unary', type: 'f32', width: 1, op: 'tanh', x: one })).toThrow('must be expanded');
  });
});
