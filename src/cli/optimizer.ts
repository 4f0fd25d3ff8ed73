// When V8 optimizes. Compiling a program takes a second or two and visits much code a few times: at V8's own pace the
// optimizer spends more processor time than it saves, a half of all that `dlm compile` of a large model takes.
import { setFlagsFromString } from 'node:v8';

/** Bytes of bytecode that a function runs through before V8 thinks of optimizing it, by default. */
const usual = 66 * 1024;

/** Optimizes only what stays hot: for compiling. */
export const optimizeLate = (): void => setFlagsFromString(`--interrupt-budget=${8 * usual}`);

/** V8's own pace again: for running what was compiled. */
export const optimizeAsUsual = (): void => setFlagsFromString(`--interrupt-budget=${usual}`);
