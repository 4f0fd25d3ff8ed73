// Bytes of the WASM module from the text that carries them: a character for each of the 92 most frequent byte values, a
// space or an exclamation mark in front for the others. Unlike base64 it keeps what repeats, so servers compress it well.

/** Bytes from their text. A byte b is the digit (b + 8) mod 256 in planes of 92, written from `#` on. */
export function fromText(text: string): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  let plane = 0;
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 35;
    if (digit < 0) plane = (digit + 4) * 92;
    else {
      bytes.push(plane + digit - 8);
      plane = 0;
    }
  }
  return Uint8Array.from(bytes);
}
