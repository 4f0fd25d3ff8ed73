// What the `main.ts` of an example exports, so that `npm run examples` can run it and say how well it did.

/** How to run. */
export interface Settings {
  /** `wasm`, or a GPU. */
  readonly device: 'wasm' | GPUDevice;
  /** Of weights, data and order. */
  readonly seed: number;
  /** A few steps only: shows that losses fall. */
  readonly brief: boolean;
}

/** What a run gave. */
export interface Outcome {
  /** The figures that `goals` names. */
  readonly scores: Readonly<Record<string, number>>;
  /** The losses of each training, step by step or epoch by epoch. */
  readonly losses: Readonly<Record<string, readonly number[]>>;
  /** Pictures of this run, as SVG, by file name. */
  readonly pictures: Readonly<Record<string, string>>;
}

/** A bound that a score has to keep: at least, or at most. */
export type Goal = { readonly least: number } | { readonly most: number };

/** A program of the example, and the dims of its training step: parameters, memory and size are reported for them. */
export interface Program {
  readonly file: string;
  readonly dims: Readonly<Record<string, number>>;
  /** Config, as `--set` takes it. */
  readonly set?: Readonly<Record<string, string>>;
}

/** An example of host code. */
export interface HostExample {
  readonly row: number;
  readonly title: string;
  readonly goals: Readonly<Record<string, Goal>>;
  readonly programs: readonly Program[];
  run(settings: Settings): Promise<Outcome>;
}

/** An example that `dlm train` runs alone: for each score a command line, whose held-out `metric` it is. */
export interface CommandExample {
  readonly row: number;
  readonly title: string;
  readonly goals: Readonly<Record<string, Goal>>;
  readonly programs: readonly Program[];
  readonly commands: Readonly<Record<string, { readonly line: string; readonly metric: string }>>;
}

/** What `export const example` is. */
export type Example = HostExample | CommandExample;
