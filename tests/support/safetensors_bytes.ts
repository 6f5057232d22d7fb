/** Writes safetensors files, malformed ones included. Checks nothing. */

/** A tensor to write; `data` is zeros where it is left out. */
export interface TestEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/** A file of this header, given as an object or as the text itself, and so many bytes of data. */
export function safetensorsBytes(
  header: Readonly<Record<string, unknown>> | string,
  data: Uint8Array | number,
): Uint8Array<ArrayBuffer> {
  const text = typeof header === "string" ? header : JSON.stringify(header);
  const head = new TextEncoder().encode(text);
  const values = typeof data === "number" ? new Uint8Array(data) : data;
  const bytes = new Uint8Array(8 + head.length + values.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(head.length), true);
  bytes.set(head, 8);
  bytes.set(values, 8 + head.length);
  return bytes;
}
