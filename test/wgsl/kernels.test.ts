// The text of a few kernels: what a change of schedule or printer does to them shows here.
import { describe, expect, test } from 'vitest';
import type { NestFunction } from '../../src/ir/nest.ts';
import { maxStorageBindings, scheduleForGpu } from '../../src/passes/schedule/gpu.ts';
import { printWgsl } from '../../src/codegen/wgsl/print.ts';
import type { Kernel, KernelExpr } from '../../src/ir/kernel.ts';
import type { Expr } from '../../src/ir/expr.ts';
import { at, axis, bin, dynamic, load, n, nest, nestFunction, num, reduce, result, store } from './nests.ts';
import { scheduleAll, wgslOf } from './run-on-device.ts';

const textOf = (fn: NestFunction): string =>
  scheduleAll(fn, scheduleForGpu)
    .kernels.map((kernel) => wgslOf(kernel))
    .join('\n');
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
      "@group(0)@binding(0)var<storage,read>b0:array<vec4f>;
      @group(0)@binding(1)var<storage,read_write>b1:array<vec4f>;
      @group(0)@binding(2)var<uniform>p:array<vec4i,16>;
      @compute @workgroup_size(64)
      fn main(@builtin(workgroup_id)wid:vec3u,@builtin(num_workgroups)nwg:vec3u,@builtin(local_invocation_id)lid:vec3u){
      let W=i32(wid.x+wid.y*nwg.x);let L=i32(lid.x);
      let Q5=W*64+L;
      if(Q5<p[0].x){
      let m3=Q5*4;
      b1[m3>>2u]=b0[m3>>2u]*0.1f;
      }
      }
      "
    `);
  });

  test('a map over rows that do not divide by four', () => {
    expect(textOf(scale('x', 5))).toMatchInlineSnapshot(`
      "@group(0)@binding(0)var<storage,read>b0:array<f32>;
      @group(0)@binding(1)var<storage,read_write>b1:array<f32>;
      @group(0)@binding(2)var<uniform>p:array<vec4i,16>;
      @compute @workgroup_size(64)
      fn main(@builtin(workgroup_id)wid:vec3u,@builtin(num_workgroups)nwg:vec3u,@builtin(local_invocation_id)lid:vec3u){
      let W=i32(wid.x+wid.y*nwg.x);let L=i32(lid.x);
      let Q5=W*64+L;
      if(Q5<p[0].x){
      b1[Q5]=b0[Q5]*0.1f;
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
      "const Z=1u;const T=0u;
      @group(0)@binding(0)var<storage,read>b0:array<vec4f>;
      @group(0)@binding(1)var<storage,read_write>b1:array<f32>;
      @group(0)@binding(2)var<uniform>p:array<vec4i,16>;
      @compute @workgroup_size(64)
      fn main(@builtin(workgroup_id)wid:vec3u,@builtin(num_workgroups)nwg:vec3u,@builtin(local_invocation_id)lid:vec3u){
      let W=i32(wid.x+wid.y*nwg.x);let L=i32(lid.x);
      let g5=W*16+L/4;
      let i1=L%4;
      let y5=min(g5,p[0].y);
      var R3=vec4f((-3.4028234663852886e38f));
      for(var D2=i1*4;D2<p[0].z;D2+=16){
      R3=max(R3,b0[(y5*p[0].z+D2)>>2u]);
      }
      var H6=max(max(R3.x,R3.y),max(R3.z,R3.w));
      for(var i=1u;i<min(Z,4);i*=2){H6=max(H6,H6);}
      if(Z<4){
      if(T==0){a0[L]=H6;}
      workgroupBarrier();
      if(Z*8<4){
      if(T==0&&u32(L%4)<Z*8){
      for(var i=Z*8;i<4;i+=Z*8){H6=max(H6,a0[u32(L)+i]);}
      a0[L]=H6;
      }
      workgroupBarrier();
      }
      H6=a0[L&-4];
      for(var i=Z;i<min(Z*8,4);i+=Z){H6=max(H6,a0[u32(L&-4)+i]);}
      }
      if((i1==0)&(g5<p[0].x)){
      b1[y5]=H6;
      }
      }
      var<workgroup>a0:array<f32,64>;
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
      "@group(0)@binding(0)var<storage,read>b0:array<vec4f>;
      @group(0)@binding(1)var<storage,read>b1:array<vec4f>;
      @group(0)@binding(2)var<storage,read>b2:array<vec4f>;
      @group(0)@binding(3)var<storage,read_write>b3:array<vec4f>;
      @group(0)@binding(4)var<uniform>p:array<vec4i,16>;
      @compute @workgroup_size(64)
      fn main(@builtin(workgroup_id)wid:vec3u,@builtin(num_workgroups)nwg:vec3u,@builtin(local_invocation_id)lid:vec3u){
      let W=i32(wid.x+wid.y*nwg.x);let L=i32(lid.x);
      let f6=W;
      if(f6<p[1].x){
      let w7=f6/2*32;
      let A8=f6%2*32;
      var A9=vec4f(0f);
      var C0=vec4f(0f);
      var C1=vec4f(0f);
      var C2=vec4f(0f);
      let M2=L/8*4;
      let x5=L%8*4;
      let w6=L%32;
      let V3=w6%4*4;
      let J4=w6/4*4;
      let G6=w7+J4;
      let G7=A8+J4;
      let y5=min(G6,p[0].x);
      let n3=min((G6+1),p[0].x);
      let k2=min((G6+2),p[0].x);
      let F5=min((G6+3),p[0].x);
      let f3=G7+1;
      let f4=G7+2;
      let f5=G7+3;
      for(var D2=0;D2<p[0].y;D2+=16){
      if(L<32){
      let G8=D2+V3;
      let i1=b0[(y5*p[0].y+G8)>>2u];
      let i2=b0[(n3*p[0].y+G8)>>2u];
      let i3=b0[(k2*p[0].y+G8)>>2u];
      let i4=b0[(F5*p[0].y+G8)>>2u];
      a0[(V3*36+J4)>>2u]=vec4f(i1.x,i2.x,i3.x,i4.x);
      a0[((V3+1)*36+J4)>>2u]=vec4f(i1.y,i2.y,i3.y,i4.y);
      a0[((V3+2)*36+J4)>>2u]=vec4f(i1.z,i2.z,i3.z,i4.z);
      a0[((V3+3)*36+J4)>>2u]=vec4f(i1.w,i2.w,i3.w,i4.w);
      }else{
      let G8=D2+V3;
      let i1=b1[(G7*p[0].y+G8)>>2u];
      let i2=b1[(f3*p[0].y+G8)>>2u];
      let i3=b1[(f4*p[0].y+G8)>>2u];
      let i4=b1[(f5*p[0].y+G8)>>2u];
      a1[(V3*36+J4)>>2u]=vec4f(i1.x,i2.x,i3.x,i4.x);
      a1[((V3+1)*36+J4)>>2u]=vec4f(i1.y,i2.y,i3.y,i4.y);
      a1[((V3+2)*36+J4)>>2u]=vec4f(i1.z,i2.z,i3.z,i4.z);
      a1[((V3+3)*36+J4)>>2u]=vec4f(i1.w,i2.w,i3.w,i4.w);
      }
      workgroupBarrier();
      for(var P8=0;P8<16;P8++){
      let x2=a0[(P8*36+M2)>>2u];
      let x3=a1[(P8*36+x5)>>2u];
      A9=fma(vec4f(x2.x),x3,A9);
      C0=fma(vec4f(x2.y),x3,C0);
      C1=fma(vec4f(x2.z),x3,C1);
      C2=fma(vec4f(x2.w),x3,C2);
      }
      workgroupBarrier();
      }
      let G8=A8+x5;
      let G9=w7+M2;
      for(var P8=0;P8<4;P8++){
      let H0=G9+P8;
      let J3=select(select(select(A9,C0,P8==1),C1,P8==2),C2,P8==3);
      if(H0<p[0].z){
      b3[(H0*p[0].w+G8)>>2u]=J3+b2[G8>>2u];
      }
      }
      }
      }
      var<workgroup>a0:array<vec4f,144>;
      var<workgroup>a1:array<vec4f,144>;
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
    expect(textOf(fn)).toMatch(/=b0\[\(b1\[\w\w\]\*p\[0\]\.x\+\w\w\)>>2u\];/);
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
  return /b0\[0\]=(.*);/.exec(printWgsl(kernel, ['read_write'])[2])?.[1] ?? '';
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
    expect(constant('i32', -2147483648)).toBe('i32(-2147483647-1)');
    expect(constant('u32', 4294967295)).toBe('4294967295u');
    expect(() => constant('f32', Infinity)).toThrow('WGSL cannot write the number Infinity');
  });

  test('functions without an accurate built-in are refused', () => {
    const one: KernelExpr = { kind: 'const', type: 'f32', width: 1, value: 1 };
    expect(() => storing({ kind: 'unary', type: 'f32', width: 1, op: 'tanh', x: one })).toThrow('must be expanded');
  });
});
