/** Tests that the manifest is sound. Downloads nothing. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { findModel, manifest } from "./manifest.ts";

Deno.test("manifest: every entry can be checked and has a mirror and a licence", () => {
  for (const entry of manifest.models) {
    assertMatch(entry.name, /^[a-z0-9][a-z0-9.-]*$/);
    assertMatch(entry.file, /^[\w.-]+\.gguf$/);
    assertMatch(entry.sha256, /^[0-9a-f]{64}$/);
    assert(entry.sizeBytes > 0 && entry.licence !== "", entry.name);
    assertEquals(entry.mirrors.length > 0, entry.packaged === undefined, entry.name);
  }
});

Deno.test("manifest: names are given once, and findModel finds by them", () => {
  const names = manifest.models.map(({ name }) => name);
  assertEquals(new Set(names).size, names.length);
  assertEquals(findModel("smollm2-135m")?.sizeBytes, 98_362_432);
  assertEquals(findModel("mega"), undefined);
});

Deno.test("manifest: the README lists every model", async () => {
  const readme = await Deno.readTextFile(new URL("./README.md", import.meta.url));
  for (const { name, file, sizeBytes, packaged } of manifest.models) {
    const row = new RegExp(`^\\| \`${name}\` +\\|`);
    const line = readme.split("\n").find((text) => row.test(text)) ?? "";
    const size = packaged ? "in this package" : sizeBytes.toLocaleString("en-US");
    assert(line.includes(file) && line.includes(size), name);
  }
});
