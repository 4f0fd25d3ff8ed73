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
        let n = ((i32(wid.x) + (i32(wid.y) * i32(nwg.x))) * 64) + i32(lid.x);
        if (n < p[0].x) {
          let v0 = n * 4;
          let v1 = b0[v0 >> 2u];
          b1[v0 >> 2u] = v1 * 0.1f;
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
        let n = ((i32(wid.x) + (i32(wid.y) * i32(nwg.x))) * 64) + i32(lid.x);
        if (n < p[0].x) {
          let v0 = b0[n];
          b1[n] = v0 * 0.1f;
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
        let n = i32(wid.x) + (i32(wid.y) * i32(nwg.x));
        if (n < p[0].y) {
          var v0: vec4f = vec4f((-3.4028234663852886e38f));
          for (var i1 = i32(lid.x) * 4; i1 < p[0].x; i1 += 256) {
            let v2 = b0[((n * p[0].x) + i1) >> 2u];
            v0 = max(v0, v2);
          }
          a0[i32(lid.x)] = max(max(v0.x, v0.y), max(v0.z, v0.w));
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
          let v3 = a0[0];
          if (i32(lid.x) == 0) {
            b1[n] = v3;
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
        let n = i32(wid.x) + (i32(wid.y) * i32(nwg.x));
        if (n < p[1].x) {
          let v0 = n % 2;
          let v1 = n / 2;
          let v2 = v1 * 32;
          let v3 = v0 * 32;
          var v4: vec4f = vec4f(0.0f);
          var v5: vec4f = vec4f(0.0f);
          var v6: vec4f = vec4f(0.0f);
          var v7: vec4f = vec4f(0.0f);
          let v8 = (i32(lid.x) / 8) * 4;
          let v9 = (i32(lid.x) % 8) * 4;
          for (var k10 = 0; k10 < p[0].y; k10 += 16) {
            if (i32(lid.x) < 32) {
              let v11 = (i32(lid.x) % 4) * 4;
              let v12 = (i32(lid.x) / 4) * 4;
              let v13 = v2 + v12;
              let v14 = k10 + v11;
              let v15 = min(v13, p[0].x);
              let v16 = b0[((v15 * p[0].y) + v14) >> 2u];
              let v17 = min((v13 + 1), p[0].x);
              let v18 = b0[((v17 * p[0].y) + v14) >> 2u];
              let v19 = min((v13 + 2), p[0].x);
              let v20 = b0[((v19 * p[0].y) + v14) >> 2u];
              let v21 = min((v13 + 3), p[0].x);
              let v22 = b0[((v21 * p[0].y) + v14) >> 2u];
              let v23 = vec4f(v16.x, v18.x, v20.x, v22.x);
              let v24 = vec4f(v16.y, v18.y, v20.y, v22.y);
              let v25 = vec4f(v16.z, v18.z, v20.z, v22.z);
              let v26 = vec4f(v16.w, v18.w, v20.w, v22.w);
              a0[((v11 * 32) + v12) >> 2u] = v23;
              a0[(((v11 + 1) * 32) + v12) >> 2u] = v24;
              a0[(((v11 + 2) * 32) + v12) >> 2u] = v25;
              a0[(((v11 + 3) * 32) + v12) >> 2u] = v26;
            } else {
              let v27 = ((i32(lid.x) - 32) % 4) * 4;
              let v28 = ((i32(lid.x) - 32) / 4) * 4;
              let v29 = v3 + v28;
              let v30 = k10 + v27;
              let v31 = b1[((v29 * p[0].y) + v30) >> 2u];
              let v32 = v29 + 1;
              let v33 = b1[((v32 * p[0].y) + v30) >> 2u];
              let v34 = v29 + 2;
              let v35 = b1[((v34 * p[0].y) + v30) >> 2u];
              let v36 = v29 + 3;
              let v37 = b1[((v36 * p[0].y) + v30) >> 2u];
              let v38 = vec4f(v31.x, v33.x, v35.x, v37.x);
              let v39 = vec4f(v31.y, v33.y, v35.y, v37.y);
              let v40 = vec4f(v31.z, v33.z, v35.z, v37.z);
              let v41 = vec4f(v31.w, v33.w, v35.w, v37.w);
              a1[((v27 * 32) + v28) >> 2u] = v38;
              a1[(((v27 + 1) * 32) + v28) >> 2u] = v39;
              a1[(((v27 + 2) * 32) + v28) >> 2u] = v40;
              a1[(((v27 + 3) * 32) + v28) >> 2u] = v41;
            }
            workgroupBarrier();
            for (var k42 = 0; k42 < 16; k42++) {
              let v43 = a0[((k42 * 32) + v8) >> 2u];
              let v44 = a1[((k42 * 32) + v9) >> 2u];
              v4 = fma(vec4f(v43.x), v44, v4);
              v5 = fma(vec4f(v43.y), v44, v5);
              v6 = fma(vec4f(v43.z), v44, v6);
              v7 = fma(vec4f(v43.w), v44, v7);
            }
            workgroupBarrier();
          }
          let v45 = v2 + v8;
          let v46 = v3 + v9;
          for (var i47 = 0; i47 < 4; i47++) {
            let v48 = select(select(select(v4, v5, i47 == 1), v6, i47 == 2), v7, i47 == 3);
            let v49 = v45 + i47;
            if (v49 < p[0].z) {
              let v50 = b2[v46 >> 2u];
              b3[((v49 * p[0].w) + v46) >> 2u] = v48 + v50;
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
    expect(textOf(fn)).toMatch(/b0: array<vec4f>[^]* = b0\[\(v\d+ \+ v\d+\) >> 2u\];/);
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
