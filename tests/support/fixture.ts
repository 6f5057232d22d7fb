/** Finds the reference files under tests/fixtures, or under the folder that AHA_FIXTURES names. Checks no contents. */
import { readFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** Path of a reference file, such as `tokens/bpe_llama.json`. */
export function fixturePath(relativePath: string): string {
  const folder = process.env.AHA_FIXTURES;
  if (folder) return `${folder}/${relativePath}`;
  return fileURLToPath(new URL(`../fixtures/${relativePath}`, import.meta.url));
}

/** A JSON reference file, as the type that the test knows it to have. */
export function fixtureJson<T>(relativePath: string): T {
  return JSON.parse(readFileSync(fixturePath(relativePath), "utf8"));
}
