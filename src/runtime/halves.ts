// Numbers of f16 in WGSL: as such where the device offers `shader-f16`, else packed in pairs in words of u32, and as f32
// in workgroup memory. They are f32 in registers. Only modules with f16 carry this.

// The body of what reads or writes element i of the binding `b`, an array of `half` or of `half4`.
type Access = (b: string, isVector: boolean) => string;

const asF16: Readonly<Record<string, Access>> = {
  load: (b, isVector) => `f32(${b}[${isVector ? 'i>>2u][i&3' : 'i'}])`,
  load4: (b, isVector) => (isVector ? `vec4f(${b}[i>>2u])` : `vec4f(vec4(${b}[i],${b}[i+1],${b}[i+2],${b}[i+3]))`),
  store: (b) => `${b}[i]=half(x);`,
  store4: (b, isVector) =>
    isVector ? `${b}[i>>2u]=half4(x);` : `let h=half4(x);${b}[i]=h.x;${b}[i+1]=h.y;${b}[i+2]=h.z;${b}[i+3]=h.w;`,
};

// Two invocations may store the halves of one word: `isAtomic`.
const asWords = (isAtomic: boolean): Readonly<Record<string, Access>> => {
  const word = (b: string, at: string): string => (isAtomic ? `atomicLoad(&${b}[${at}])` : `${b}[${at}]`);
  const pair = (b: string, at: string): string => `unpack2x16float(${word(b, at)})`;
  const put = (b: string, at: string, x: string): string =>
    isAtomic ? `atomicStore(&${b}[${at}],pack2x16float(${x}));` : `${b}[${at}]=pack2x16float(${x});`;
  return {
    load: (b) => `${pair(b, 'i>>1u')}[i&1]`,
    load4: (b) => `vec4f(${pair(b, 'i>>1u')},${pair(b, '(i>>1u)+1')})`,
    store: (b) =>
      `let s=u32(i&1)<<4u;atomicAnd(&${b}[i>>1u],0xffff0000u>>s);atomicOr(&${b}[i>>1u],pack2x16float(vec2f(x,0))<<s);`,
    store4: (b) => put(b, 'i>>1u', 'x.xy') + put(b, '(i>>1u)+1', 'x.zw'),
  };
};

/**
 * Declares what a shader says of f16: the types `half` and `half4`, and for each binding of them the functions that it
 * calls: `b_load(i)` and `b_store(i, x)` of element i, `b_load4` and `b_store4` of elements i … i+3, where i is even.
 */
export function writeHalves(text: string, features: ReadonlySet<string>): string {
  if (!/\bhalf4?\b/.test(text)) return text;
  const isNative = features.has('shader-f16');
  const functions: string[] = [];
  const bindings = text.replace(/(>(b\d+):array)<half(4?)>/g, (declared, head, b, four) => {
    const used = new Set(text.match(new RegExp(`\\b${b}_\\w+`, 'g')));
    const isAtomic = used.has(`${b}_store`);
    for (const name of used) {
      const access = name.slice(b.length + 1);
      const body = (isNative ? asF16 : asWords(isAtomic))[access]?.(b, four !== '');
      const type = access.endsWith('4') ? 'vec4f' : 'f32';
      functions.push(
        access.startsWith('l')
          ? `fn ${name}(i:i32)->${type}{return ${body};}\n`
          : `fn ${name}(i:i32,x:${type}){${body}}\n`,
      );
    }
    return isNative ? declared : `${head}<${isAtomic ? 'atomic<u32>' : 'u32'}>`;
  });
  const types = isNative ? ['f16', 'vec4<f16>'] : ['f32', 'vec4f'];
  return `${isNative ? 'enable f16;\n' : ''}${bindings}alias half=${types[0]};\nalias half4=${types[1]};\n${functions.join('')}`;
}
