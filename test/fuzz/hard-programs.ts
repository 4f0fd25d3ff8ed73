// Inputs made to exhaust a compiler: nesting, length, cycles, and values that grow faster than their text.
import { programs } from './mutate.ts';

const nested = (open: string, middle: string, close: string, depth = 20_000): string =>
  `const x = ${open.repeat(depth)}${middle}${close.repeat(depth)}\n`;
/** Lines numbered from 0. */
export const many = (count: number, line: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => line(i)).join('\n');

/** Programs, or files whose root is `main.dlm`, by what is hard about them. */
export const hardPrograms: Readonly<Record<string, string | Readonly<Record<string, string>>>> = {
  nothing: '',
  parentheses: nested('(', '1', ')'),
  'open parentheses': nested('(', '', ''),
  brackets: nested('[', '1', ']'),
  blocks: nested('{ ', '1', ' }'),
  'open blocks': nested('{', '', ''),
  'minus signs': nested('-', '1', ''),
  not: nested('!', 'true', ''),
  powers: nested('2 ^ ', '1', ''),
  'a long sum': nested('1 + ', '1', ''),
  'a long pipe': nested('', '1', ' |> f'),
  'else if': `const x = ${'if true { 1 } else '.repeat(5_000)}{ 2 }\n`,
  lambdas: nested('fn (a: int) => ', '1', ''),
  calls: nested('f(', '1', ')'),
  indices: nested('x[', '0', ']'),
  'nested loops': nested('for i in 0..1 => ', '1', ''),
  types: `fn f(x: ${'('.repeat(10_000)}int${')'.repeat(10_000)}) = x\n`,
  'optional types': `fn f(x: int${'?'.repeat(10_000)}) = x\n`,
  'list types': `fn f(x: ${'list['.repeat(10_000)}int${']'.repeat(10_000)}) = x\n`,
  unions: `fn f(x: ${many(5_000, (i) => `"a${i}"`).replaceAll('\n', ' | ')}) = x\n`,
  patterns: `fn f(x: [n]) = rearrange[${'('.repeat(5_000)}n${')'.repeat(5_000)} -> n](x)\n`,
  destructuring: `fn f() { let ${'('.repeat(5_000)}a${',)'.repeat(5_000)} = 1 }\n`,
  attributes: `${'@freeze '.repeat(5_000)}const a = 1\n`,
  members: `const a = x${'.y'.repeat(20_000)}\n`,
  with: `const a = x${' with { p=1 }'.repeat(5_000)}\n`,
  'one long line': `const a = "${'x'.repeat(1_000_000)}"\n`,
  'a long name': `const ${'x'.repeat(500_000)} = 1\n`,
  'a long number': `const a = ${'9'.repeat(100_000)}\n`,
  'a long comment': `//${' long'.repeat(200_000)}\nconst a = 1\n`,
  'an open string': `const a = "${'x'.repeat(100_000)}\n`,
  'ten thousand lines': many(10_000, (i) => `const a${i} = ${i === 0 ? 1 : `a${i - 1}`} + 1`),
  'ten thousand errors': many(10_000, (i) => `const a${i} = nothing${i}`),
  'ten thousand syntax errors': many(10_000, () => 'const = )'),
  'ten thousand opened braces': many(10_000, (i) => `fn f${i}() {`),
  'divided by nothing': [
    'const a = floor_div(1, 0)',
    'const b = ceil_div(1, 0)',
    'const c = 1 / 0 + 1 % 0',
    'fn f(x: [12]) = rearrange[(h 0) -> h](x)',
    'fn g(x: [12]) = rearrange[(h k) -> h k](x, k=0)',
    'fn h(x: [12]) = split(x, 0)',
    'export layer L() { fn forward(x: [12]) = (f(x), g(x), h(x)) }',
  ].join('\n'),
  'a dtype that is computed': '@precision(compute=-f32, params=f16 + 1)\nexport fn f(x: [...]) -> [] = sum(x)\n',
  'Windows line ends': programs.slice(0, 20).join('\n').replaceAll('\n', '\r\n'),
  'a byte order mark': '\ufeffconst a = 1\n',
  'names of other scripts': 'const größe = 1\nfn 名前(x: [日]) -> [日] = x\nconst 🙂 = 1\n',
  'half a surrogate pair': 'const a = "\ud800"\nconst b = \udc00\n',
  NUL: 'const a\u0000 = 1\u0000',
  'line separators': 'const a = 1\u2028const b = 2\u2029',
  'a huge range': 'const a = for i in 0..1000000000 => i\n',
  'a huge fold': 'const a = fold s = 0 over i in 0..1000000000 => s + i\n',
  'nested ranges': 'const a = for i in 0..1000, j in 0..1000, k in 0..1000 => i\n',
  'a huge power':
    'const a = 2 ^ 100000\nconst b = 2.5 ^ 100000\nfn f(x: [n ^ 60]) = x\nfn g(x: [n]) -> [n ^ 60 * (n + 1) ^ 60] = x\n',
  'products of sums': `fn f(x: [n, m]) -> [${'(n + m + 1) * '.repeat(30)} 1] = x\n`,
  'values that double': `const a0 = [1]\n${many(60, (i) => `const a${i + 1} = a${i} + a${i}`)}\n`,
  'text that doubles': `const a0 = "ab"\n${many(60, (i) => `const a${i + 1} = a${i} + a${i}`)}\n`,
  'calls that double': `fn f0(x: [n]) -> [n] = x\n${many(40, (i) => `fn f${i + 1}(x: [n]) -> [n] = f${i}(f${i}(x))`)}\n`,
  'layers that double': `layer L0() { param w: [2] = zeros() fn forward(x: [2]) -> [2] = x * w }\n${many(40, (i) => `layer L${i + 1}() { let a = L${i}() let b = L${i}() fn forward(x: [2]) -> [2] = x |> a |> b }`)}\nexport model M() { let l = L40() export fn forward(x: [2]) -> [2] = l(x) }\n`,
  'shapes that double': `fn f(x0: [n]) {\n${many(200, (i) => `let x${i + 1} = concat([x${i}, x${i}], axis=0)`)}\nx200\n}\n`,
  'tuples that double': `fn f(x: [n]) {\n let t0 = (x, x)\n${many(60, (i) => `let t${i + 1} = (t${i}, t${i})`)}\nt60\n}\n`,
  'aliases that double': `type T0 = (int, int)\n${many(60, (i) => `type T${i + 1} = (T${i}, T${i})`)}\nfn f(x: T60) = x\n`,
  'an alias of itself': 'type A = (A, int)\ntype B = C\ntype C = B?\nfn f(x: A, y: B) = x\n',
  'constants in a circle': 'const a = b\nconst b = c + 1\nconst c = a\n',
  'functions in a circle': 'fn f(n: int) -> int = g(n)\nfn g(n: int) -> int = f(n)\nconst a = f(1)\n',
  'a function that grows its argument': 'fn f(x: [n]) = f(concat([x, x], axis=0))\n',
  'a lambda that calls itself': 'const w = fn (f: fn(int) -> int) => f(f)\nconst a = w(w)\n',
  'layers in a circle':
    'layer A() { let b = B() fn forward(x: [n]) -> [n] = b(x) }\nlayer B() { let a = A() fn forward(x: [n]) -> [n] = a(x) }\nexport model M() { let a = A() export fn forward(x: [n]) -> [n] = a(x) }\n',
  'a layer that takes itself':
    'layer A(l: layer) { let b = l(l) fn forward(x: [n]) -> [n] = b(x) }\nexport model M() { let a = A(A) export fn forward(x: [n]) -> [n] = a(x) }\n',
  'a member that reads itself': 'layer A() { let a = a let b = c let c = b fn forward(x: [n]) -> [n] = forward(x) }\n',
  'a default that reads itself': 'fn f(n: int = n) = n\nlayer A(d: int = d) { }\nexport train T(net: T = T()) { }\n',
  'a file that imports itself': { 'main.dlm': 'import { a } from "./main.dlm"\nexport const a = a\n' },
  'files in a circle': {
    'main.dlm': 'import { a } from "./a.dlm"\nimport * as B from "./b.dlm"\nexport const m = a + B.b\n',
    'a.dlm': 'import { b } from "./b.dlm"\nexport const a = b\n',
    'b.dlm': 'import { a } from "./a.dlm"\nimport { m } from "./main.dlm"\nexport const b = a + m\n',
  },
  'a file that is not there':
    'import { a } from "./nothing.dlm"\nimport { b } from "std/nothing"\nimport { c } from ""\nconst x = a + b + c\n',
  'an empty group over an axis that is not 1': 'fn f(x: [b, t, d]) = rearrange[b t () -> b t](x)\n',
  'an einsum of integers without axes': 'fn f(x: i32[n], y: i32[n]) = einsum[n, n -> ](x, y)\n',
  'an argument of the wrong kind for a size to be inferred':
    'import { Linear } from "std/nn"\nexport model Net() {\n  let fc = Linear(_, 10)\n  export fn forward(x: [b, 28, 28]) -> [b, 10] = fc((x, [b, 784]))\n}\n',
  'a thousand imports': many(1_000, (i) => `import { Linear as L${i} } from "std/nn"`),
};
