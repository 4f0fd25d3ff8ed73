// The whole WGSL of a kernel from its spec: bindings, entry point and what every kernel has in common are written here,
// once, instead of in front of each kernel.
import type { KernelSpec } from './program.ts';

const elements: Readonly<Record<string, string>> = {
  f: 'f32',
  i: 'i32',
  u: 'u32',
  F: 'vec4f',
  I: 'vec4i',
  U: 'vec4u',
  h: 'half',
  H: 'half4',
};

/** The bindings of a kernel in order, as in {@link KernelSpec}. */
export const bindingsOf = ([bindings]: KernelSpec): string[] => bindings.match(/[rw].|./g) ?? [];

/**
 * The module of a kernel; its entry point is `main`. W is the number of the workgroup, L that of the invocation in it,
 * S(i) word i of the step record.
 */
export function shaderText(kernel: KernelSpec): string {
  const bindings = bindingsOf(kernel).map((binding, at) => {
    const [kind, element = ''] = binding;
    const variable =
      kind === 'p'
        ? 'uniform>p:array<vec4i,16>'
        : kind === 's'
          ? 'uniform>step:array<vec4u,1024>'
          : `storage,${kind === 'r' ? 'read' : 'read_write'}>b${at}:array<${elements[element]}>`;
    return `@group(0)@binding(${at})var<${variable};\n`;
  });
  const record = kernel[0].endsWith('s') ? 'fn S(i:i32)->u32{return step[i>>2u][i&3];}\n' : '';
  return `${bindings.join('')}${record}@compute @workgroup_size(${kernel[1]})
fn main(@builtin(workgroup_id)wid:vec3u,@builtin(num_workgroups)nwg:vec3u,@builtin(local_invocation_id)lid:vec3u){
let W=i32(wid.x+wid.y*nwg.x);let L=i32(lid.x);
${kernel[2]}`;
}
