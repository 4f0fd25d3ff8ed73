// The frame of a diagnostic, exactly; JSON, SARIF and GitHub; fixes.
import { describe, expect, it } from 'vitest';
import { applyFixes } from '../../src/support/apply-fixes.ts';
import { Reporter, sortDiagnostics, type Diagnostic } from '../../src/support/diagnostic.ts';
import { messages } from '../../src/support/messages.gen.ts';
import { renderGithub, renderJson, renderSarif, toJson } from '../../src/support/render-json.ts';
import { plainPalette, renderTerminal } from '../../src/support/render-terminal.ts';
import { createSource, createSpan, positionAt, type Source, type Span } from '../../src/support/source.ts';

/** The span of the `n`th occurrence of a text. */
function find(source: Source, text: string, n = 0): Span {
  let at = source.text.indexOf(text);
  for (let i = 0; i < n; i++) at = source.text.indexOf(text, at + 1);
  return createSpan(source, at, at + text.length);
}

const lenet = createSource(
  'lenet.dlm',
  `${'\n'.repeat(5)}  let fc = Linear(256, 10)\n${'\n'.repeat(5)}    x |> conv |> pool |> flatten |> fc\n`,
);

function featureMismatch(): Diagnostic {
  return messages.E0301(
    find(lenet, 'fc', 1),
    { callee: '`fc`', needed: '256 features', got: '12544' },
    {
      label: 'needs [..., 256]',
      secondary: [
        { span: find(lenet, '256'), label: 'in_features = 256 comes from here' },
        { span: find(lenet, 'flatten'), label: 'gives [b, 12544]' },
      ],
      derivation: [
        { name: 'x', shape: '[b, 1, 28, 28]', note: 'parameter `x`' },
        { name: 'flatten', shape: '[b, 12544]', note: '64 * 14 * 14' },
      ],
      helps: [
        {
          text: 'write `Linear(12544, 10)`, or `Linear(_, 10)` to infer it',
          fix: { edits: [{ span: find(lenet, '256'), text: '12544' }] },
        },
      ],
    },
  );
}

describe('the frame', () => {
  it('shows labels, how the shape came about and helps', () => {
    expect(renderTerminal([featureMismatch()])).toBe(
      [
        'error[E0301]: `fc` needs 256 features but gets 12544',
        '  --> lenet.dlm:12:37',
        '   |',
        ' 6 |   let fc = Linear(256, 10)',
        '   |                   --- in_features = 256 comes from here',
        '12 |     x |> conv |> pool |> flatten |> fc',
        '   |                          -------    ^^ needs [..., 256]',
        '   |                          gives [b, 12544]',
        '   |',
        '   = how the shape came about',
        '       x        [b, 1, 28, 28]     parameter `x`',
        '       flatten  [b, 12544]         64 * 14 * 14',
        '   = help: write `Linear(12544, 10)`, or `Linear(_, 10)` to infer it            [fix available]',
        '',
      ].join('\n'),
    );
  });

  it('shows places in other files, and notes of several lines', () => {
    const gpt = createSource('gpt.dlm', 'layer A(d: int, heads: int) {\n  let dh  = d / heads\n}\n');
    const tiny = createSource('tiny.dlm', `${'\n'.repeat(30)}let h = for i in 0..6 => Block(386, 6)\n`);
    const diagnostic = messages.E0304(
      find(gpt, 'd / heads'),
      { expression: 'd / heads', reason: '386 / 6 leaves 2' },
      {
        label: 'in A',
        secondary: [{ span: find(tiny, 'Block(386, 6)'), label: 'd = 386, heads = 6' }],
        notes: ['first line\nsecond line'],
      },
    );
    expect(renderTerminal([diagnostic])).toBe(
      [
        'error[E0304]: `d / heads` is not exact: 386 / 6 leaves 2',
        '  --> gpt.dlm:2:13',
        '   |',
        ' 2 |   let dh  = d / heads',
        '   |             ^^^^^^^^^ in A',
        '  ::: tiny.dlm:31:26',
        '31 | let h = for i in 0..6 => Block(386, 6)',
        '   |                          ------------- d = 386, heads = 6',
        '   = note: first line',
        '       second line',
        '',
      ].join('\n'),
    );
  });

  it('has no frame where there is no place', () => {
    const diagnostic = messages.E0806(null, { file: 'data.csv' }, { helps: [{ text: 'add rows' }] });
    expect(renderTerminal([diagnostic])).toBe('error[E0806]: data.csv has no examples\n   = help: add rows\n');
  });

  it('measures wide characters and tabs, and prints no control characters', () => {
    const source = createSource('a\u001b[31m.dlm', '\t日本 x\u0007\n');
    const text = renderTerminal([messages.E0202(find(source, 'x'), { name: 'x' })]);
    const [, , , shown, marks] = text.split('\n');
    expect(shown).toBe(' 1 |     日本 x\ufffd');
    expect(marks).toBe('   |          ^');
    expect(text).not.toContain('\u0007');
    expect(text).not.toContain('\u001b');
  });

  it('cuts long lines around the label', () => {
    const source = createSource('a.dlm', `${'a '.repeat(500)}HERE${' b'.repeat(500)}\n`);
    const lines = renderTerminal([messages.E0202(find(source, 'HERE'), { name: 'HERE' })]).split('\n');
    expect(lines[3]?.length).toBeLessThan(180);
    expect(lines[3]?.indexOf('HERE')).toBe(lines[4]?.indexOf('^'));
  });

  it('paints by severity', () => {
    const palette = { ...plainPalette, error: (text: string) => `<e>${text}</e>`, secondary: (text: string) => `<s>${text}</s>` };
    const text = renderTerminal([featureMismatch()], palette);
    expect(text).toContain('<e>error[E0301]</e>');
    expect(text).toContain('<s>-------</s>    <e>^^</e> <e>needs [..., 256]</e>');
  });
});

describe('for machines', () => {
  it('JSON names every place twice: by line and column and by offset', () => {
    const [parsed] = JSON.parse(renderJson([featureMismatch()])) as unknown[];
    expect(parsed).toEqual(JSON.parse(JSON.stringify(toJson(featureMismatch()))));
    expect(parsed).toMatchObject({
      code: 'E0301',
      severity: 'error',
      place: { file: 'lenet.dlm', line: 12, column: 37, endLine: 12, endColumn: 39 },
      helps: [{ edits: [{ text: '12544' }] }],
    });
  });

  it('SARIF and GitHub carry code, level and place', () => {
    expect(JSON.parse(renderSarif([featureMismatch()]))).toMatchObject({
      version: '2.1.0',
      runs: [{ results: [{ ruleId: 'E0301', level: 'error', locations: [{ physicalLocation: { region: { startLine: 12 } } }] }] }],
    });
    expect(renderGithub([featureMismatch()])).toBe(
      '::error file=lenet.dlm,line=12,col=37,endLine=12,endColumn=39,title=E0301::`fc` needs 256 features but gets 12544',
    );
  });
});

describe('fixes', () => {
  const source = createSource('a.dlm', 'one two three');
  const fixing = (text: string, replacement: string): Diagnostic =>
    messages.E0202(find(source, text), { name: text }, {
      helps: [{ text: 'no edit' }, { text: 'edit', fix: { edits: [{ span: find(source, text), text: replacement }] } }],
    });

  it('are applied together where they do not overlap', () => {
    const result = applyFixes([fixing('three', '3'), fixing('one', '1'), fixing('one two', 'x')]);
    expect(result.texts.get(source)).toBe('1 two 3');
    expect([result.applied, result.skipped]).toEqual([2, 1]);
  });
});

describe('collecting', () => {
  it('keeps one of equal diagnostics and knows errors from warnings', () => {
    const reporter = new Reporter();
    reporter.report(messages.W1301(find(lenet, 'fc')));
    expect(reporter.hasErrors).toBe(false);
    reporter.reportAll([featureMismatch(), featureMismatch()]);
    expect(reporter.diagnostics).toHaveLength(2);
    expect(reporter.hasErrors).toBe(true);
  });

  it('sorts by file and place', () => {
    const first = messages.E0202(find(lenet, 'fc'), { name: 'fc' });
    const last = messages.E0806(null, { file: 'x' });
    expect(sortDiagnostics([last, featureMismatch(), first]).map((d) => d.code)).toEqual(['E0202', 'E0301', 'E0806']);
  });
});

describe('places', () => {
  it('count lines over \\n, \\r\\n and \\r', () => {
    const source = createSource('a', 'a\nb\r\nc\rd');
    const lines = ['a', 'b', 'c', 'd'].map((c) => positionAt(source, source.text.indexOf(c)));
    expect(lines).toEqual([1, 2, 3, 4].map((line) => ({ line, column: 1 })));
  });
});
