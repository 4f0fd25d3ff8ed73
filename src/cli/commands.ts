// The commands of `dlm`: names, arguments and options. Code is loaded when a command runs, so that each starts fast.
import type { Command } from './command.ts';

/** One command as the help shows it. Options that take values may be repeated where that makes sense. */
export interface CommandSpec {
  readonly name: string;
  readonly args: string;
  readonly summary: string;
  readonly options: Readonly<Record<string, string>>;
  load(): Promise<Command>;
}

const set = { '--set <Model.name=value>': 'override the config of a model, repeatable' };
const dim = { '--dim <n=224>': 'compile for this size of a dim alone, which may be faster; repeatable' };
const target = { '--target <list>': 'webgpu, wasm' };
const device = { '--device <name>': 'auto (default), webgpu or wasm', '--verbose': 'say why a device was chosen' };
const data = {
  '--data <file>': '.csv, .tsv, .npz or .safetensors',
  '--map <input=columns>': 'columns that feed an input: y=species, x=a,b,c, x=p0..p63; repeatable',
};

/** All commands, in the order of the help. */
export const commands: readonly CommandSpec[] = [
  {
    name: 'compile',
    args: '[...files]',
    summary: 'write a module and its declarations beside each program',
    options: {
      '-o <folder>': 'write into this folder',
      ...target,
      '--emit <list>': 'js (default), ir, wgsl',
      '--watch': 'compile again whenever a file of the program changes',
      '--with <list>': 'options that calls may have: training, trace, profile',
      '--without <list>': 'init: the module draws no initial weights, and loads them from a file',
      ...dim,
      ...set,
    },
    load: async () => (await import('./commands/compile.ts')).compile,
  },
  {
    name: 'check',
    args: '[...files]',
    summary: 'print diagnostics, write nothing',
    options: {
      '--format <name>': 'terminal (default), json, sarif or github',
      '--fix': 'apply the fixes that are certain',
      ...set,
    },
    load: async () => (await import('./commands/check.ts')).check,
  },
  {
    name: 'fmt',
    args: '[...files]',
    summary: 'format programs in place',
    options: { '--check': 'only list the files that are not formatted' },
    load: async () => (await import('./commands/fmt.ts')).fmt,
  },
  {
    name: 'test',
    args: '[...files]',
    summary: 'run the `test` declarations of programs, and shrink what fails',
    options: {
      '--runs <count>': 'most cases of one test (default 64)',
      '--seed <number>': 'seed of drawn values, weights and random numbers (default 0)',
      ...set,
    },
    load: async () => (await import('./commands/test.ts')).test,
  },
  {
    name: 'train',
    args: '<file>',
    summary: 'train a program (file.dlm or file.dlm:Train) on a data file',
    options: {
      ...data,
      '--valid <share>': 'hold out this share of the examples, or a second data file',
      '--epochs <count>': 'passes over the examples (default 20)',
      '--batch <count>': 'examples in a batch (default 32)',
      '--seed <number>': 'seed of weights, order and held-out examples (default 0)',
      '--option <name=value>': 'an option of the train, e.g. lr=1e-3; repeatable',
      '--save <file>': 'write the weights as .safetensors',
      '--checkpoint <file>': 'write everything needed to resume after each epoch',
      '--resume <file>': 'continue from a checkpoint',
      '--every <steps>': 'read the loss every so many steps (default 1, on a GPU 10)',
      ...device,
      ...set,
    },
    load: async () => (await import('./commands/train.ts')).train,
  },
  {
    name: 'run',
    args: '<file>',
    summary: 'run an entry point (file.dlm or file.dlm:predict) on saved weights',
    options: {
      '--weights <file>': '.safetensors, or `init` for untrained weights',
      ...data,
      '--arg <name=value>': 'a number that the entry point takes, e.g. count=16; repeatable',
      '--dim <b=1,cap=64>': 'sizes of the session in which an entry point with caches runs',
      '--out <file>': 'write .csv, .json or .npy instead of printing',
      '--batch <count>': 'examples in one call (default 256)',
      '--seed <number>': 'seed of random entry points (default 0)',
      ...device,
      ...set,
    },
    load: async () => (await import('./commands/run.ts')).run,
  },
  {
    name: 'summary',
    args: '<file>',
    summary: 'parameters, types, FLOPs and memory (file.dlm or file.dlm:Model)',
    options: {
      '--kernels': 'list the kernels of every function',
      '--dim <b=32>': 'give dims a value',
      ...target,
      ...set,
    },
    load: async () => (await import('./commands/summary.ts')).summary,
  },
  {
    name: 'ir',
    args: '<file>',
    summary: 'the program after a pass, as text that parses back (file.dlm or file.dlm:function)',
    options: {
      '--after <pass>': 'the program after this pass',
      '--all': 'after every pass',
      '--diff <pass,pass>': 'what changed between two passes',
      '--level <name>': 'the last program of a level: graph (default), nest, kernel or plan',
      '--stats': 'time and rewrites of every pass',
      ...target,
      ...dim,
      ...set,
    },
    load: async () => (await import('./commands/ir.ts')).ir,
  },
  {
    name: 'weights',
    args: '<action> [...files]',
    summary:
      'ls: what a .safetensors or .npz file holds; diff: what differs in two; convert: write a .safetensors file',
    options: {
      '--dtype <name>': 'convert floats to f32, f16, bf16 or f64',
      '--rename <old=new>': 'rename tensors while converting, `*` stands for anything; repeatable',
      '--tolerance <number>': 'differences up to this count as equal (default 0)',
    },
    load: async () => (await import('./commands/weights.ts')).weights,
  },
  {
    name: 'init',
    args: '[folder]',
    summary: 'write a small program, data for it, and a host program',
    options: {},
    load: async () => (await import('./commands/init.ts')).init,
  },
  {
    name: 'explain',
    args: '[code]',
    summary: 'what a diagnostic means, e.g. E0301; without a code, all of them',
    options: {},
    load: async () => (await import('./commands/explain.ts')).explain,
  },
];
