/** Writes the published schema and the lists in docs/trl.md anew: `deno run -A packages/grpo/schema/build.ts`, then `deno fmt`. Checks nothing. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { runConfigSchema, trlNames } from "../src/run/config/config_schema.ts";

/** The schema's file. */
export const SCHEMA_PATH = fileURLToPath(new URL("./run_config.schema.json", import.meta.url));
/** The lists' document. */
export const TRL_PATH = fileURLToPath(new URL("../docs/trl.md", import.meta.url));

/** The document with its lists made anew. */
export function withNames(document: string): string {
  const begin = document.indexOf("## Same name");
  return `${begin < 0 ? document : document.slice(0, begin)}${trlNames()}`;
}

if (import.meta.main) {
  writeFileSync(SCHEMA_PATH, JSON.stringify(runConfigSchema()));
  writeFileSync(TRL_PATH, withNames(readFileSync(TRL_PATH, "utf8")));
}
