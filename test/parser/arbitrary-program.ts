// Random programs as text, by the grammar: every construct, redundant parentheses, line breaks and comments anywhere.
import fc, { type Arbitrary } from 'fast-check';
import { lex, tokenEnd } from '../../src/parser/tokens.ts';

/** One of the texts. */
const among = (...texts: readonly string[]): Arbitrary<string> => fc.constantFrom(...texts);

const name = among('x', 'y', 'fc1', 'b', 'state', 'model', 'of', 'from', 'type', 'batch', 'long_name_of_a_layer');
const word = fc.oneof(name, among('let', 'as', 'layer', 'true', 'fn', 'else'));
const int = among('0', '1', '42', '1_000');
const number = fc.oneof(int, among('0.5', '1e-3', '2.5E+7'));
const text = among('"same"', '"a b"', '"\\"q\\" \\\\ \\n"', '""');
const binary = among('|>', '||', '&&', '+', '-', '*', '/', '%', '@', '^', '??');

const glue = (...parts: readonly (string | Arbitrary<string>)[]): Arbitrary<string> =>
  fc
    .tuple(...parts.map((part) => (typeof part === 'string' ? fc.constant(part) : part)))
    .map((found) => found.join(''));
const many = (item: Arbitrary<string>, separator: string, min = 0, max = 3): Arbitrary<string> =>
  fc.array(item, { minLength: min, maxLength: max }).map((items) => items.join(separator));
const maybe = (item: Arbitrary<string>): Arbitrary<string> => fc.oneof(among(''), item);
const listed = (item: Arbitrary<string>, min = 0): Arbitrary<string> =>
  fc.tuple(many(item, ', ', min), fc.boolean()).map(([items, comma]) => (items !== '' && comma ? `${items},` : items));

type Parts = Record<'expr' | 'atom' | 'type' | 'pattern' | 'block' | 'axes', string>;

const { expr, type, pattern, block } = fc.letrec<Parts>((tie) => {
  const e = tie('expr');
  const grouped = glue('(', e, ')');
  const operand = fc.oneof({ depthSize: 'small', withCrossShrink: true }, tie('atom'), grouped);
  const arg = fc.oneof(e, glue(word, '=', e), among('_'));
  const args = listed(arg);
  const range = glue(operand, '..', operand);
  const bind = fc.oneof(
    glue(name, ' < ', operand),
    glue(tie('pattern'), ' in ', operand, maybe(among(' along 1', ' along -1'))),
    glue(name, ' in ', range),
  );
  const binds = many(bind, ', ', 1, 2);
  const params = listed(glue(name, ': ', tie('type'), maybe(glue(' = ', e))));
  const index = fc.oneof(e, glue(maybe(e), ' : ', maybe(e)), fc.constant('...'));
  return {
    axes: fc.oneof(
      { depthSize: 'small', maxDepth: 3 },
      many(fc.oneof(name, among('1', '...')), ' '),
      glue(name, ' (', tie('axes'), ')'),
    ),
    pattern: fc.oneof({ depthSize: 'small', maxDepth: 2 }, name, among('_'), glue('(', listed(tie('pattern'), 1), ')')),
    atom: fc.oneof({ maxDepth: 4 }, name, number, text, among('true', 'none', 'x.y', 'f(x, k=2)', '(when)')),
    type: fc.oneof(
      { maxDepth: 3, depthSize: 'small' },
      among('int', 'layer', 'list', 'F.Thing', '"same"', '3', '-1', 'f32[]', 'Linear'),
      glue(maybe(among('f32', 'bool')), '[', listed(fc.oneof(e, among('...', '...s', '_'))), ']'),
      glue('(', listed(fc.oneof(tie('type'), glue(name, ': ', tie('type'))), 1), ')'),
      glue('fn(', listed(tie('type')), ') -> ', tie('type')),
      glue('list[', tie('type'), ']'),
      glue('(', tie('type'), ' | ', tie('type'), ')'),
      glue('(', tie('type'), ')?'),
      glue(tie('type'), ' | ', among('int', '"valid"')),
    ),
    block: glue(
      '{\n',
      many(
        fc.oneof(
          glue('let ', tie('pattern'), maybe(glue(': ', tie('type'))), ' = ', e, '\n'),
          glue('update ', name, ' = ', e, maybe(glue(' when ', e)), '\n'),
          glue('assert ', e, maybe(glue(', ', text)), '\n'),
        ),
        '\n',
      ),
      maybe(e),
      '\n}',
    ),
    expr: fc.oneof(
      { maxDepth: 4, depthSize: 'small', withCrossShrink: true },
      tie('atom'),
      glue(operand, ' ', binary, ' ', operand),
      glue(tie('atom'), ' |> ', operand, ' |> ', operand, ' |> ', operand),
      glue(operand, ' + ', operand, ' - ', operand, ' * ', operand),
      glue(operand, among(' == ', ' < ', ' >= ', ' != '), operand),
      glue(among('-', '!', '--'), operand),
      range,
      glue(operand, '(', args, ')'),
      glue(operand, '[', listed(index, 1), ']'),
      glue(fc.oneof(name, grouped), '.', word),
      glue('(', operand, ' as ', tie('type'), ')'),
      glue(operand, ' with { ', listed(glue(name, '=', e), 1), ' }'),
      tie('block'),
      glue('(', listed(fc.oneof(e, glue(name, '=', e)), 1), ')'),
      glue('[', listed(e), ']'),
      glue('if ', operand, ' ', tie('block'), ' else ', tie('block')),
      glue('if ', operand, ' ', tie('block'), ' else if ', operand, ' ', tie('block'), ' else ', tie('block')),
      glue(
        among('einsum', 'rearrange', 'reduce'),
        '[',
        tie('axes'),
        ', ',
        tie('axes'),
        ' -> ',
        tie('axes'),
        '](',
        args,
        ')',
      ),
      glue('(fn (', params, ') => ', e, ')'),
      glue('(for ', binds, ' => ', e, ')'),
      glue(
        '(',
        among('fold', 'scan'),
        ' ',
        tie('pattern'),
        ' = ',
        operand,
        ' over ',
        binds,
        maybe(glue(' while ', operand)),
        ' => ',
        e,
        ')',
      ),
    ),
  };
});

const params = glue('(', listed(glue(name, ': ', type, maybe(glue(' = ', expr)))), ')');
const attribute = glue('@', name, maybe(glue('(', listed(expr), ')')), ' ');
const doc = maybe(among('/// what it is\n', '/// one\n/// two\n\n', '// plain\n'));
const needs = maybe(glue(' requires ', many(expr, ', ', 1, 2)));
const generics = among('', '[T: dtype]', '[T: dtype, U: dtype,]');
const fn = glue(
  'fn ',
  name,
  generics,
  params,
  maybe(glue(' -> ', type)),
  needs,
  fc.oneof(glue(' = ', expr), glue(' ', block)),
);
const bound = glue('let ', pattern, maybe(glue(': ', type)), ' = ', expr);
const condition = maybe(glue(' when ', expr));
const slot = glue(among('param', 'state', 'cache'), ' ', name, ': ', type, maybe(glue(' = ', expr)), condition);
const assertion = glue('assert ', expr, maybe(glue(', ', text)));
const member = glue(doc, maybe(attribute), fc.oneof(slot, bound, assertion, fn, glue('export ', fn)));
const unit = glue(among('layer ', 'model ', 'optimizer '), name, params, needs, ' {\n', many(member, '\n'), '\n}');
const action = fc.oneof(
  glue('batch ', many(glue(name, ': ', type), ', ', 1)),
  bound,
  glue(among('minimize ', 'maximize '), expr, maybe(glue(' of ', many(expr, ', ', 1, 2))), ' using ', expr),
  glue('update ', many(name, '.', 1), ' = ', expr, condition),
  glue('metric ', name, ' = ', expr),
);
const step = glue('step ', name, maybe(glue('(', listed(expr), ')')), ' {\n', many(action, '\n'), '\n}');
const train = glue('train ', name, params, ' {\n', many(glue(doc, fc.oneof(action, step)), '\n\n'), '\n}');
const imported = fc.oneof(
  glue('import { ', listed(glue(name, maybe(glue(' as ', name))), 1), ' } from ', text),
  glue('import * as ', name, ' from ', text),
);
const declaration = fc.oneof(
  glue('const ', name, maybe(glue(': ', type)), ' = ', expr),
  glue('type ', name, generics, ' = ', type),
  fn,
  unit,
  train,
  glue('test ', text, maybe(glue(' forall ', name, ' in 1..3')), ' ', block),
);

/** A syntactically valid program. */
export const program: Arbitrary<string> = many(
  glue(doc, maybe(glue(attribute, '\n')), fc.oneof(imported, declaration, glue('export ', declaration))),
  '\n\n',
  1,
  4,
).map((found) => `${found}\n`);

/** A valid program with line breaks and `//` comments at random places between its tokens. */
export const disturbedProgram: Arbitrary<string> = fc
  .tuple(program, fc.infiniteStream(fc.integer({ min: 0, max: 19 })))
  .map(([source, choices]) => disturb(source, () => choices.next().value));

function disturb(source: string, choose: () => number | undefined): string {
  const { tokens } = lex(source);
  let result = '';
  let end = 0;
  for (const [i, token] of tokens.entries()) {
    const between = source.slice(end, token.startOffset);
    const choice = choose();
    const free = !/^[([\-@]/.test(token.image) && !between.includes('/');
    if (free && choice === 0) result += ` // c${i}\n`;
    else if (free && choice === 1) result += `\n  // d${i}\n`;
    else if (free && choice === 2) result += '\n\n';
    else result += between;
    result += token.image;
    end = tokenEnd(token);
  }
  return result + source.slice(end);
}
