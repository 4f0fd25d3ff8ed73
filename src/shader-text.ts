// The shaders of a program as people read them: each kernel with the lines of the program that it computes.
import { printReadableWgsl } from './codegen/wgsl/print.ts';
import type { Kernel } from './ir/kernel.ts';
import type { TargetProgram } from './ir/plan.ts';
import { shaderTextOfTeams } from './runtime/combine.ts';
import { lineText, positionAt } from './support/source.ts';

/** The WGSL of every kernel, as modules of their own one after the other. */
export const shadersText = ({ kernels }: TargetProgram): string =>
  kernels
    .map((kernel) =>
      [...headOf(kernel), shaderTextOfTeams(printReadableWgsl(kernel), new Set()).trimEnd(), ''].join('\n'),
    )
    .join('\n');

function headOf({ name, origin }: Kernel): string[] {
  const lines = origin.map(({ source, start }) => {
    const { line } = positionAt(source, start);
    return `//   ${source.name}:${line}  ${lineText(source, line).trim()}`;
  });
  return [`// kernel ${name}`, ...new Set(lines)];
}
