/** Builds that a program brings along: every form, when they are asked for, and what is said of a bad one. */
import { assertEquals, assertNotEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import { coreHash, coreModule, provideCore, VARIANTS } from "./core_builds.ts";
import { startBestCore } from "./core.ts";
import { UnsupportedError } from "../../errors.ts";

const MEMORY_BYTES = 64 << 20;
const url = new URL("../../../wasm/simd.wasm", import.meta.url);
const bytes = new Uint8Array(readFileSync(url));

Deno.test("coreModule: each build comes from beside the module and is compiled once", async () => {
  for (const variant of VARIANTS) {
    const module = await coreModule(variant);
    assertStrictEquals(await coreModule(variant), module);
  }
});

Deno.test("provideCore: a module, bytes, an address, and functions that give them", async () => {
  const module = await WebAssembly.compile(bytes);
  const dataUrl = new URL(`data:application/wasm;base64,${bytes.toBase64()}`);
  for (const build of [module, bytes, bytes.buffer, url, dataUrl]) {
    for (const provided of [build, () => build, () => Promise.resolve(build)]) {
      provideCore({ simd: provided });
      const { exports, variant } = await startBestCore(MEMORY_BYTES, "simd");
      assertEquals([variant, exports.thread_count()], ["simd", 1]);
    }
  }
  provideCore({ simd: module });
  assertStrictEquals(await coreModule("simd"), module);
});

Deno.test("provideCore: a function is called at the first need and once", async () => {
  let calls = 0;
  const build = () => (calls++, bytes);
  provideCore({ simd: build, relaxed_threads: undefined });
  assertEquals(calls, 0);
  await Promise.all([coreModule("simd"), coreModule("simd"), coreModule("relaxed_threads")]);
  assertEquals(calls, 1);
});

Deno.test("provideCore: a build that does not compile or is not there is refused, and may be replaced", async () => {
  for (const build of [new Uint8Array(8), new URL("missing.wasm", url)]) {
    provideCore({ simd: build });
    await assertRejects(() => startBestCore(MEMORY_BYTES, "simd"), UnsupportedError, "simd: ");
  }
  provideCore({ simd: url });
  await startBestCore(MEMORY_BYTES, "simd");
});

Deno.test("coreHash: the same for the same bytes however they come, another for an update", async () => {
  const hash = async (build: Uint8Array<ArrayBuffer> | URL) => {
    provideCore({ simd: build });
    return coreHash(await coreModule("simd"));
  };
  const updated = new Uint8Array([...bytes, 0, 2, 1, 120]); // an empty section of the name "x"
  assertEquals(await hash(url), await hash(bytes));
  assertNotEquals(await hash(updated), await hash(bytes));
  const own = await WebAssembly.compile(bytes);
  assertEquals(coreHash(own), coreHash(await WebAssembly.compile(updated)));
  provideCore({ simd: url });
});
