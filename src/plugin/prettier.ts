/** The prettier plugin for `.dlm` files: `{ "plugins": ["dlm/prettier"] }`. */
export { defaultOptions, languages, parsers, printers } from '../parser/prettier-plugin.ts';
