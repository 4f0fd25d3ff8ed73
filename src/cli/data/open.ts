// Opens a data file by its extension: a table (.csv, .tsv) or named tensors (.npz, .safetensors).
import { extname } from 'node:path';
import { parseCsv, parseNpz, parseSafetensors } from '../../index.ts';
import { UsageError } from '../failure.ts';
import { shown } from '../program-files.ts';
import { readBytes, type DataSource } from './source.ts';

/** Reads a data file. @throws Failure or FormatError E0802, E0806 */
export async function openData(path: string): Promise<DataSource> {
  const file = shown(path);
  const kind = extname(path).toLowerCase();
  if (kind === '.csv' || kind === '.tsv')
    return { kind: 'table', file, ...parseCsv(new TextDecoder().decode(readBytes(path)), file) };
  if (kind === '.npz') return { kind: 'tensors', file, tensors: await parseNpz(readBytes(path), file) };
  if (kind === '.safetensors')
    return { kind: 'tensors', file, tensors: parseSafetensors(readBytes(path), file).tensors };
  throw new UsageError(`--data ${path}: expected .csv, .tsv, .npz or .safetensors`);
}
