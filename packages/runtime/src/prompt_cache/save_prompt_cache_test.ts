/** Tests of writing prompt caches: what fails midway leaves no file. What is written is tested through the library. */
import { assertEquals, assertRejects } from "@std/assert";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { withFolder } from "../../../../tests/support/edited_model.ts";
import type { PromptCacheOwner } from "./prompt_cache_file.ts";
import { savePromptCache } from "./save_prompt_cache.ts";

const OWNER: PromptCacheOwner = {
  fingerprint: new Uint8Array(32),
  numericsId: "simd",
  shape: { layers: 1, kvHeads: 1, keySize: 4, valueSize: 4, type: "f32" },
  contextTokens: 100,
};
const PROMPT = { ids: Array.from({ length: 32 }, (_, i) => i), pages: [new Uint8Array(1024)] };

Deno.test("savePromptCache: a file that is not finished is removed, and what stood there stays", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "a.cache");
    const signal = AbortSignal.abort(new TypeError("stop"));
    await assertRejects(() => savePromptCache(PROMPT, OWNER, path, { signal }), TypeError, "stop");
    assertEquals(readdirSync(folder), []);
    await savePromptCache(PROMPT, OWNER, path);
    const again = () => savePromptCache(PROMPT, OWNER, path, { signal, overwrite: true });
    await assertRejects(again, TypeError, "stop");
    assertEquals(readdirSync(folder), ["a.cache"]);
  });
});
