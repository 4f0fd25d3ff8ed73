// What the command line adds to a safetensors file beside the tensors: names of classes, and how the data was cut.
import { parseSafetensors, withSafetensorsMetadata } from '../index.ts';
import type { Classes } from './data/dataset.ts';

/** How a run reads its data; a resumed run must do the same. */
export interface DataPlan {
  readonly seed: number;
  readonly batch: number;
  readonly valid: number;
}

const classesKey = 'dlm.classes';
const dataKey = 'dlm.data';

/** A safetensors file with names of classes and, for a run to resume, its data plan. */
export const annotate = (bytes: Uint8Array, classes: Classes, plan?: DataPlan): Uint8Array =>
  withSafetensorsMetadata(bytes, {
    ...(Object.keys(classes).length > 0 && { [classesKey]: JSON.stringify(classes) }),
    ...(plan && { [dataKey]: JSON.stringify(plan) }),
  });

/** What {@link annotate} put into a file. @throws an error of the format with code E0802 */
export function annotationsOf(bytes: Uint8Array, file: string): { classes: Classes; plan: DataPlan | undefined } {
  const { metadata } = parseSafetensors(bytes, file);
  const read = (key: string): unknown => (metadata[key] === undefined ? undefined : JSON.parse(metadata[key]));
  return { classes: (read(classesKey) as Classes | undefined) ?? {}, plan: read(dataKey) as DataPlan | undefined };
}
