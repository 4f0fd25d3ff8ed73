// The generator of message constructors.
import { describe, expect, it } from 'vitest';
import { generateMessages } from '../../scripts/generate-messages.ts';
import { messages } from '../../src/support/messages.gen.ts';

const section = (code: string, template: string): string => `# Title\n\n## ${code} some-name\n\n> ${template}\n\nThe page.\n`;

describe('generated constructors', () => {
  it('fill placeholders and take the severity from the letter', () => {
    const diagnostic = messages.W1201(null, { dim: 'n', other: 'm' });
    expect(diagnostic).toMatchObject({ code: 'W1201', severity: 'warning', notes: [], helps: [], secondary: [] });
    expect(diagnostic.message).toBe('dim `n` is used once and is one edit from `m`');
    expect(messages.I0110(null, { parts: 'x' }).severity).toBe('info');
  });

  it('escape what a template literal would read', () => {
    const text = generateMessages({ 'a.md': section('E0001', 'a `{x}` ${y} {{plain}} \\d') });
    expect(text).toContain('`a \\`${values.x}\\` \\$${values.y} {plain} \\\\d`');
  });

  it('are refused for malformed or doubled sections', () => {
    expect(() => generateMessages({ 'a.md': '## E0001 no-message\n\ntext\n' })).toThrow(/a\.md.*E0001/);
    expect(() => generateMessages({ 'a.md': section('E0001', 'x'), 'b.md': section('E0001', 'y') })).toThrow(/twice/);
  });

  it('leave out the README', () => {
    expect(generateMessages({ 'README.md': section('E0001', 'x') })).not.toContain('E0001');
  });
});
