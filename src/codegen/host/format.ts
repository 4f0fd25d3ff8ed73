// prettier, loaded when the first module is emitted, with the plugins it needs and no others.

/** Formats JavaScript. */
export const formatJs = (code: string): Promise<string> => format(code, 'babel');

/** Formats declarations. */
export const formatTypes = (code: string): Promise<string> => format(code, 'babel-ts');

async function format(code: string, parser: 'babel' | 'babel-ts'): Promise<string> {
  const [prettier, babel, estree] = await Promise.all([
    import('prettier/standalone'),
    import('prettier/plugins/babel'),
    import('prettier/plugins/estree'),
  ]);
  return prettier.format(code, { parser, plugins: [babel, estree], printWidth: 120, singleQuote: true });
}
