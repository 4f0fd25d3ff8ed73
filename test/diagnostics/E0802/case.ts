// Weights whose file was cut off while it was copied.
import { FormatError, parseSafetensors, type Diagnostic } from '../../../src/index.ts';

export default function unreadable(): readonly Diagnostic[] {
  const header = new TextEncoder().encode('{"fc.weight":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}');
  const file = new Uint8Array(8 + header.length + 12);
  new DataView(file.buffer).setBigUint64(0, BigInt(header.length), true);
  file.set(header, 8);
  try {
    parseSafetensors(file, 'weights.safetensors');
    return [];
  } catch (error) {
    return error instanceof FormatError ? [error.diagnostic] : [];
  }
}
