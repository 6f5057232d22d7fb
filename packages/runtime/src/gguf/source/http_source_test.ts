/** Tests of the HTTP source against a local server that behaves and misbehaves. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { ggufBytes, plainMetadata } from "../../../../../tests/support/gguf_bytes.ts";
import {
  type ServerBehaviour,
  startRangeServer,
} from "../../../../../tests/support/range_server.ts";
import { SourceError } from "../../errors.ts";
import { readGguf } from "../reader.ts";
import { openHttpSource } from "./http_source.ts";

const FILE = Uint8Array.from({ length: 600_000 }, (_, i) => i * 31 % 251);
const FAST = { retryDelayMs: 1 };

function served(
  name: string,
  behaviour: Omit<ServerBehaviour, "bytes"> & { bytes?: Uint8Array<ArrayBuffer> },
  run: (server: ReturnType<typeof startRangeServer>) => Promise<void>,
): void {
  Deno.test(`openHttpSource: ${name}`, async () => {
    const server = startRangeServer({ bytes: FILE, ...behaviour });
    try {
      await run(server);
    } finally {
      await server.close();
    }
  });
}

served("learns the size without HEAD and reads any range", { etag: `"a"` }, async (server) => {
  const source = await openHttpSource(server.url);
  assertEquals(source.sizeBytes, FILE.length);
  const into = new Uint8Array(new SharedArrayBuffer(70_000));
  await source.read(250_000, into);
  assertEquals([...into.slice(0, 5)], [...FILE.slice(250_000, 250_005)]);
  assertEquals(new Uint8Array(into), FILE.slice(250_000, 320_000));
  assertEquals(server.requests.map(({ range }) => range), [
    "bytes=0-262143",
    "bytes=262144-599999",
  ]);
});

const LARGE = Uint8Array.from({ length: 9_000_000 }, (_, i) => i * 31 % 251);
served("asks once for 4 MiB of neighbours", { bytes: LARGE }, async (server) => {
  const source = await openHttpSource(server.url);
  const into = new Uint8Array(3_000);
  // three thousand tensors, those of a run of ten backwards
  for (let i = 0; i < 3_000; i++) {
    const offset = (i - i % 10 + 9 - i % 10) * 3_000;
    await source.read(offset, into);
    assertEquals(into[1], LARGE[offset + 1]);
  }
  assertEquals(server.requests.map(({ range }) => range), [
    "bytes=0-262143",
    "bytes=262144-4194303",
    "bytes=4194304-8388607",
    "bytes=8388608-8999999",
  ]);
});

const SMALL = ggufBytes({
  metadata: plainMetadata({ k: "v" }),
  tensors: [{ name: "t", dims: [8] }],
});
served("a small GGUF file takes one request", { bytes: SMALL }, async (server) => {
  const gguf = await readGguf(await openHttpSource(server.url));
  assertEquals(gguf.metadata.string("k"), "v");
  assertEquals(server.requests.length, 1);
});

served(
  "says that a server ignores Range, and what to do",
  { ignoreRange: true },
  async (server) => {
    const error = await assertRejects(
      () => openHttpSource(server.url),
      SourceError,
      "ignores Range",
    );
    assert(error.message.includes("aha pull"));
  },
);

served("goes on where a cut connection stopped", {
  cut: { afterBytes: 100_000, times: 2 },
}, async (server) => {
  const source = await openHttpSource(server.url, FAST);
  const into = new Uint8Array(FILE.length);
  await source.read(0, into);
  assertEquals(into, FILE);
  assert(server.requests.some(({ range }) => range === "bytes=100000-262143"));
});

served("gives up on a connection that is cut each time", {
  cut: { afterBytes: 10, times: 99 },
}, async (server) => {
  const error = await assertRejects(() => openHttpSource(server.url, FAST), SourceError, "cut");
  assert(!error.message.includes("\n"));
  assertEquals(server.requests.length, 3);
});

served("notices a body that is short though the connection ended well", {
  cut: { afterBytes: 100_000, times: 1, quietly: true },
}, async (server) => {
  const source = await openHttpSource(server.url, FAST);
  const into = new Uint8Array(FILE.length);
  await source.read(0, into);
  assertEquals(into, FILE);
});

served("tries again after a passing server error", { statuses: [503, 429] }, async (server) => {
  assertEquals((await openHttpSource(server.url, FAST)).sizeBytes, FILE.length);
  assertEquals(server.requests.length, 3);
});

served("does not try again after 404", { statuses: [404] }, async (server) => {
  await assertRejects(() => openHttpSource(server.url, FAST), SourceError, "answered 404");
  assertEquals(server.requests.length, 1);
});

served("refuses a file that changed while it was read", { etag: `"a"` }, async (server) => {
  const source = await openHttpSource(server.url, FAST);
  server.behaviour.etag = `"b"`;
  await assertRejects(() => source.read(400_000, new Uint8Array(9)), SourceError, "changed");
});

served("refuses to read beyond the end", {}, async (server) => {
  const source = await openHttpSource(server.url);
  await assertRejects(() => source.read(599_999, new Uint8Array(2)), SourceError, "600001");
});

served("an empty file is refused", { bytes: new Uint8Array(0) }, async (server) => {
  await assertRejects(() => openHttpSource(server.url, FAST), SourceError, "empty");
});

served("a silent server counts as cut", { stall: true }, async (server) => {
  const options = { retries: 0, idleTimeoutMs: 50 };
  await assertRejects(() => openHttpSource(server.url, options), SourceError, "silent for 0.05 s");
});

served("an abort ends the read with its reason", { stall: true }, async (server) => {
  const abort = new AbortController();
  setTimeout(() => abort.abort(new Error("enough")), 20);
  const options = { signal: abort.signal, retries: 0 };
  const error = await assertRejects(() => openHttpSource(server.url, options));
  assertEquals(error.message, "enough");
});

Deno.test("openHttpSource: a server that is not there gives one line", async () => {
  const server = startRangeServer({ bytes: FILE });
  await server.close();
  const error = await assertRejects(() => openHttpSource(server.url, FAST), SourceError);
  assert(!error.message.includes("\n"));
});
