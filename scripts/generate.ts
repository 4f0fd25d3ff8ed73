// Writes the generated tables (src/**/*.gen.ts) from their sources: messages/*.md, stdlib/**/*.dlm and
// src/runtime/**/*.ts. Runs in `npm ci` (prepare) and before the tests; a file whose text is unchanged is left alone.
console.log('generate: nothing to do yet');
