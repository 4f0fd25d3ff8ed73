// The text of a program at any level: what `dlm ir` prints, and what is saved to replay a bug. It parses back.
import { printGraph } from '../ir/graph-text.ts';
import type { GraphModule } from '../ir/graph.ts';
import { printKernel } from '../ir/kernel-text.ts';
import { printNests } from '../ir/nest-text.ts';
import type { NestModule } from '../ir/nest.ts';
import { printProgram } from '../ir/plan-text.ts';
import type { TargetProgram } from '../ir/plan.ts';

/** A program after some pass. */
export type StageContent =
  | { readonly level: 'graph'; readonly module: GraphModule }
  | { readonly level: 'nest'; readonly module: NestModule }
  | { readonly level: 'plan'; readonly module: TargetProgram };

/** Prints a stage. With `kernels`, only the kernels of a planned program. */
export function printStage(stage: StageContent, part: 'all' | 'kernels' = 'all'): string {
  if (stage.level === 'graph') return printGraph(stage.module);
  if (stage.level === 'nest') return printNests(stage.module);
  return part === 'all' ? printProgram(stage.module) : `${stage.module.kernels.map(printKernel).join('\n\n')}\n`;
}
