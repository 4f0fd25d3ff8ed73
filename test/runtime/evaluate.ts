// Runs printed JavaScript. Tests only: compiled modules never do this.

/** The value of an expression; the caller says what it is. */
export function evaluate(code: string): unknown {
  // oxlint-disable-next-line typescript/no-implied-eval
  return (new Function(`return ${code}`) as () => unknown)();
}
