// What a pass is: a named pure function from module to module. compile.ts lists them in order and
// the driver times, dumps and verifies after each.

/** What a pass may report while it runs. */
export interface PassContext {
  /** Counts one application of a named rewrite, for `dlm ir --stats`. */
  count(rewrite: string, times?: number): void;
}

/** A pass. Its name is its file name, its name in `--after`, and its trace span. */
export interface Pass<From, To> {
  readonly name: string;
  readonly summary: string;
  run(module: From, cx: PassContext): To;
}
