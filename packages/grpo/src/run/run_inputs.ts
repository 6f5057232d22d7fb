/** What a run reads, told apart by hashes, so that it goes on only over what it began with. Reads no file. */
import { ByteHash, CheckpointError, hexText } from "@aha/runtime/training";

/** Hashes, in hexadecimal digits, by what was read: `model m.gguf`, `task rows.jsonl`. */
export type RunInputs = Readonly<Record<string, string>>;

/** The hash of values that JSON can hold, each by itself. */
export function hashOfValues(values: Iterable<unknown>): string {
  const hash = new ByteHash();
  const encoder = new TextEncoder();
  for (const value of values) hash.add(encoder.encode(JSON.stringify(value)));
  return hexText(hash.digest());
}

/** @throws {CheckpointError} naming the first input whose bytes are others than those that the run in `where` began with */
export function expectSameInputs(stored: RunInputs, own: RunInputs, where: string): void {
  for (const [name, now] of Object.entries(own)) {
    const { [name]: was } = stored;
    if (was === now) continue;
    throw new CheckpointError(
      `The run in ${where} began with another ${name}: its fingerprint was ${short(was)}, it is ${
        short(now)
      } now; put back what it began with, or begin anew with another --out`,
      where,
    );
  }
}

/** Enough of a fingerprint to be told from another one. */
function short(hash = "none"): string {
  return hash.slice(0, 12);
}
