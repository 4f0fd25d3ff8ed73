/** How wide text is on a terminal, and text that is safe to print there. */

/** Width of a tab in printed source. */
const tabWidth = 4;

/** Columns that a character takes: 0 for combining marks, 2 for East Asian wide ones and emoji. */
export function charWidth(char: string): number {
  const code = char.codePointAt(0) ?? 0;
  const isJoiner = (code >= 0x200b && code <= 0x200d) || (code >= 0xfe00 && code <= 0xfe0f);
  if (isJoiner || /^\p{M}/u.test(char)) return 0;
  const isWide =
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd);
  return isWide ? 2 : 1;
}

/** Columns that a text takes. */
export function textWidth(text: string): number {
  let width = 0;
  for (const char of text) width += charWidth(char);
  return width;
}

/** Text with tabs as spaces and control characters made visible, so that it cannot steer a terminal. */
export function printable(text: string): string {
  const spaced = text.replaceAll('\t', ' '.repeat(tabWidth));
  // Cc: control characters; Cs: half of a pair; the rest reorder text.
  return spaced.replace(/[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]/gu, '\ufffd');
}
