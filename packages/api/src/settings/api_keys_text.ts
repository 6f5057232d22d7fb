/** Reads API keys from a text, as environment variables and options give them. Checks no request. */
import type { ApiKey } from "../app_options.ts";

/** What an Authorization header can carry after `Bearer` (RFC 6750, section 2.1); a colon ends the name. */
const KEY = /^[\w.~+/-]+=*$/;

/**
 * The keys of a text: `KEY` or `NAME:KEY`, between commas or blanks. Without a name it is called `key-1` by its place.
 * @throws {RangeError} if a key has a character that no header carries; the message does not tell the key
 *
 * @example
 * ```ts
 * import { readApiKeys } from "@aha/api";
 * console.log(readApiKeys("ci:s3cret")); // [ { name: "ci", key: "s3cret" } ]
 * ```
 */
export function readApiKeys(text: string): ApiKey[] {
  return text.split(/[\s,]+/).filter((word) => word !== "").map((word, i) => {
    const colon = word.indexOf(":");
    const name = colon < 0 ? `key-${i + 1}` : word.slice(0, colon);
    const key = word.slice(colon + 1);
    if (name === "" || !KEY.test(key)) {
      throw new RangeError(
        `API key ${
          i + 1
        } is empty or has other characters than letters, digits and -._~+/ with = at its end`,
      );
    }
    return { name, key };
  });
}
