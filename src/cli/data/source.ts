// A data file as read, before anything is known of the program: a table of cells, or named tensors.
import { readFileSync } from 'node:fs';
import { messages, type CsvTable, type FileTensor } from '../../index.ts';
import { Failure } from '../failure.ts';
import { shown } from '../program-files.ts';

/** A data file in memory. */
export type DataSource = TableSource | TensorSource;

/** A table: cells as text. */
export interface TableSource extends CsvTable {
  readonly kind: 'table';
  readonly file: string;
}

/** Tensors by name. */
export interface TensorSource {
  readonly kind: 'tensors';
  readonly file: string;
  readonly tensors: ReadonlyMap<string, FileTensor>;
}

/** The bytes of a file. @throws Failure E0802 */
export function readBytes(path: string): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(readFileSync(path));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    const reason = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : String(error);
    throw new Failure(messages.E0802(null, { file: shown(path), reason }));
  }
}
