/** Writes sizes and counts for people. Parses none. */

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"];

/** `98362432` as `93.8 MiB`; whole bytes below 1 KiB. */
export function sizeText(sizeBytes: number): string {
  const step = Math.min(Math.floor(Math.log2(Math.max(sizeBytes, 1)) / 10), UNITS.length - 1);
  const value = sizeBytes / 2 ** (10 * step);
  return `${step === 0 ? value : value.toFixed(1)} ${UNITS[step]}`;
}

/** `134515008` as `134.5 M`; whole numbers below a thousand. */
export function countText(count: number): string {
  if (count >= 1e9) return `${(count / 1e9).toFixed(2)} G`;
  if (count >= 1e6) return `${(count / 1e6).toFixed(1)} M`;
  return count >= 1e3 ? `${(count / 1e3).toFixed(1)} k` : String(count);
}

/** C0 and C1 controls but tab and line feed, and the marks that turn the writing direction. */
const CONTROL = /(?![\t\n])[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

/** Text from a file made fit for a terminal: control characters but line breaks and tabs are written out. */
export function printable(text: string): string {
  return text.replace(CONTROL, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
