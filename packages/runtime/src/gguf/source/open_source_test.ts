/** Tests of the file and Blob sources and of the choice between them. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { pathToFileURL } from "node:url";
import { SourceError } from "../../errors.ts";
import { openSource } from "./open_source.ts";

const BYTES = Uint8Array.from({ length: 1000 }, (_, i) => i % 256);

async function withFile(run: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempFile({ suffix: ".gguf" });
  try {
    await Deno.writeFile(path, BYTES);
    await run(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("openSource: a path and a file URL are read into shared memory", async () => {
  await withFile(async (path) => {
    for (const where of [path, pathToFileURL(path), pathToFileURL(path).href]) {
      const source = await openSource(where);
      assertEquals([source.sizeBytes, source.name], [1000, path]);
      const into = new Uint8Array(new SharedArrayBuffer(64), 8, 16);
      await source.read(100, into);
      assertEquals([...into], [...BYTES.slice(100, 116)]);
      await source.close();
    }
  });
});

Deno.test("openSource: reading past the end or after close is refused", async () => {
  await withFile(async (path) => {
    const source = await openSource(path);
    const error = await assertRejects(() => source.read(999, new Uint8Array(5)), SourceError);
    assert(error.message.endsWith("5 bytes wanted at 999, only 1 there"));
    await source.close();
    await source.close();
    await assertRejects(() => source.read(0, new Uint8Array(1)), SourceError, "closed");
  });
});

Deno.test("openSource: an abort stops a read", async () => {
  await withFile(async (path) => {
    const source = await openSource(path);
    const signal = AbortSignal.abort(new Error("enough"));
    await assertRejects(() => source.read(0, new Uint8Array(1), signal), Error, "enough");
    await source.close();
  });
});

Deno.test("openSource: a missing file and a directory give one line", async () => {
  const missing = await assertRejects(() => openSource("no/such.gguf"), SourceError);
  assertEquals(missing.message, "Cannot open no/such.gguf: there is no such file");
  await assertRejects(() => openSource("."), SourceError, "a directory");
});

Deno.test("openSource: a Blob is read in place", async () => {
  const source = await openSource(new File([BYTES], "model.gguf"));
  assertEquals([source.name, source.sizeBytes], ["model.gguf", 1000]);
  const into = new Uint8Array(10);
  await source.read(990, into);
  assertEquals(into, BYTES.slice(990));
  const error = await assertRejects(() => source.read(995, into), SourceError);
  assert(error.message.endsWith("10 bytes wanted at 995, only 5 there"));
});
