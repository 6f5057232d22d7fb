/** The map between bytes and the printable characters that byte-level BPE writes them as (GPT-2, Radford et al. 2019). Decodes no UTF-8. */

/** The character of every byte: printable Latin-1 stands for itself, the others for U+0100 and on, in order. */
export const symbolOfByte: readonly string[] = makeSymbols();

const byteOfSymbol: ReadonlyMap<string, number> = new Map(
  symbolOfByte.map((symbol, byte) => [symbol, byte]),
);

function makeSymbols(): string[] {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xff);
    return String.fromCodePoint(printable && byte !== 0xad ? byte : next++);
  });
}

/** Writes bytes as symbols. */
export function symbolsOfBytes(bytes: Uint8Array): string {
  let symbols = "";
  for (const byte of bytes) symbols += symbolOfByte[byte];
  return symbols;
}

/** Reads symbols back into bytes, or gives undefined when a character stands for no byte. */
export function bytesOfSymbols(symbols: string): Uint8Array | undefined {
  const bytes = new Uint8Array(symbols.length);
  for (let i = 0; i < symbols.length; i++) {
    const byte = byteOfSymbol.get(symbols[i]);
    if (byte === undefined) return undefined;
    bytes[i] = byte;
  }
  return bytes;
}
