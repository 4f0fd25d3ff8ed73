// Bytes of the WASM module from the text that carries them: base64, deflated where that is shorter.

/** Decodes base64. */
export const fromBase64 = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

/** Inflates raw deflate. Its reader and writer are used directly: `Response` would load fetch, which is slow to start. */
export async function inflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new DecompressionStream('deflate-raw');
  const writer = stream.writable.getWriter();
  const fed = writer.write(bytes).then(() => writer.close());
  const reader = stream.readable.getReader();
  const parts: number[] = [];
  for (let part = await reader.read(); !part.done; part = await reader.read())
    part.value.forEach((byte) => parts.push(byte));
  await fed;
  return Uint8Array.from(parts);
}
