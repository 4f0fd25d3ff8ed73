// The shaders of a program as people read them: each kernel with the lines of the program that it computes.
import { printReadableWgsl, type PrintedShader } from './codegen/wgsl/print.ts';
import type { Kernel } from './ir/kernel.ts';
import type { TargetProgram } from './ir/plan.ts';
import { writeTeams } from './runtime/combine.ts';
import { writeHalves } from './runtime/halves.ts';
import { shaderText } from './runtime/shader.ts';
import { lineText, positionAt } from './support/source.ts';

/** The WGSL of a kernel on a device with these features. */
export const shaderOn = (kernel: PrintedShader, features: ReadonlySet<string> = new Set()): string =>
  [writeTeams, writeHalves].reduce((text, write) => write(text, features), shaderText(kernel));

/** The WGSL of every kernel, as modules of their own one after the other. */
export const shadersText = ({ kernels }: TargetProgram): string =>
  kernels.map((kernel) => [...headOf(kernel), shaderOn(printReadableWgsl(kernel)).trimEnd(), ''].join('\n')).join('\n');

function headOf({ name, origin }: Kernel): string[] {
  const lines = origin.map(({ source, start }) => {
    const { line } = positionAt(source, start);
    return `//   ${source.name}:${line}  ${lineText(source, line).trim()}`;
  });
  return [`// kernel ${name}`, ...new Set(lines)];
}
