/** Models behind servers that misbehave: no ranges, cuts, other answers. One line, exit 1, what is half there stays apart. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { loadModel } from "../../packages/runtime/mod.ts";
import { ahaProcess } from "../support/aha_process.ts";
import { runAha } from "../support/captured_io.ts";
import { withFolder } from "../support/edited_model.ts";
import { assertFails, assertFailure, FAILED } from "../support/failing_command.ts";
import { fixturePath } from "../support/fixture.ts";
import {
  type RangeServer,
  type ServerBehaviour,
  startRangeServer,
} from "../support/range_server.ts";

const PATH = fixturePath("models/llama_untied/gguf/model-F32.gguf");
const BYTES = new Uint8Array(readFileSync(PATH));
const RUN = ["--ids", "1,2,3", "--max-tokens", "3", "--temperature", "0", "--json"];

function served(
  what: string,
  behaviour: Omit<ServerBehaviour, "bytes">,
  run: (server: RangeServer) => Promise<void>,
): void {
  Deno.test(`bad source: ${what}`, async () => {
    const server = startRangeServer({ bytes: BYTES, ...behaviour });
    try {
      await run(server);
    } finally {
      await server.close();
    }
  });
}

served("a sound server gives the same answer as the file", {}, async (server) => {
  const [far, near] = [
    await runAha(["run", server.url, ...RUN]),
    await runAha(["run", PATH, ...RUN]),
  ];
  assertEquals([far.code, far.error], [0, ""]);
  assertEquals(JSON.parse(far.out).ids, JSON.parse(near.out).ids);
});

served("a server that ignores Range", { ignoreRange: true }, async (server) => {
  const line = await assertFails(["run", server.url, ...RUN], FAILED, "ignores Range requests");
  assertStringIncludes(line, `Cannot read ${server.url}: `);
  assertStringIncludes(line, "aha pull URL");
  assertEquals(server.requests.length, 1);
});

served("a server without the file", { statuses: [404, 403] }, async (server) => {
  await assertFails(["run", server.url, ...RUN], FAILED, "the server answered 404");
  await assertFails(["inspect", server.url], FAILED, "the server answered 403");
});

served("a connection cut in the middle of the weights, once", {}, async (server) => {
  cutAfterFirst(server, 1);
  const ended = await runAha(["run", server.url, ...RUN]);
  assertEquals([ended.code, ended.error], [0, ""]);
  const near = await runAha(["run", PATH, ...RUN]);
  assertEquals(JSON.parse(ended.out).ids, JSON.parse(near.out).ids);
});

served("a connection cut in the middle of the weights, each time", {}, async (server) => {
  cutAfterFirst(server, 1_000);
  await assertFails(["run", server.url, ...RUN], FAILED, [
    `Cannot read ${server.url}: the connection was cut after `,
  ]);
});

/** Answers the first request whole, so that the head is read, and cuts bodies from then on. */
function cutAfterFirst({ behaviour, requests }: RangeServer, times: number): void {
  const cut = { afterBytes: 1000, times };
  Object.defineProperty(behaviour, "cut", { get: () => requests.length > 1 ? cut : undefined });
}

served("a file that changes while it is read", { etag: `"a"` }, async (server) => {
  let reads = 0;
  Object.defineProperty(server.behaviour, "etag", { get: () => reads++ < 1 ? `"a"` : `"b"` });
  await assertFails(["run", server.url, ...RUN], FAILED, "changed while it was read");
});

served("an abort ends a load from a silent server", { stall: true }, async (server) => {
  const abort = new AbortController();
  setTimeout(() => abort.abort(new Error("enough")), 30);
  await assertRejects(() => loadModel(server.url, { signal: abort.signal }), Error, "enough");
});

served("a pull that is cut leaves no model, and goes on later", { etag: `"a"` }, async (server) => {
  await withFolder(async (home) => {
    await withHome(home, async () => {
      server.behaviour.cut = { afterBytes: 50_000, times: 1_000 };
      await assertFails(["pull", server.url], FAILED, "the connection was cut");
      const { models } = JSON.parse((await runAha(["models", "--json"])).out);
      assertEquals(models.some(({ name }: { name: string }) => name === server.url), false);
      server.behaviour.cut = undefined;
      const pulled = await runAha(["pull", server.url]);
      assertEquals(new Uint8Array(readFileSync(pulled.out.trim())), BYTES);
      assertEquals(existsSync(`${pulled.out.trim()}.part`), false);
      // from the cache now, without the server
      const before = server.requests.length;
      assertEquals((await runAha(["run", server.url, ...RUN])).code, 0);
      assertEquals(server.requests.length, before);
    });
  });
});

async function withHome(home: string, run: () => Promise<void>): Promise<void> {
  const before = process.env.AHA_HOME;
  process.env.AHA_HOME = home;
  try {
    await run();
  } finally {
    if (before === undefined) delete process.env.AHA_HOME;
    else process.env.AHA_HOME = before;
  }
}

Deno.test("bad source: a server that is not there, and a cache that cannot be written", async () => {
  const server = startRangeServer({ bytes: BYTES });
  await server.close();
  await withFolder(async (folder) => {
    const env = { AHA_HOME: join(PATH, "cache") };
    const [gone, store] = await Promise.all([
      ahaProcess(["run", server.url, ...RUN], { env: { AHA_HOME: folder } }),
      ahaProcess(["pull", server.url], { env }),
    ]);
    assertFailure(gone, FAILED, `Cannot read ${server.url}: the server cannot be reached (`);
    assertFailure(store, FAILED, "Cannot");
  });
});

Deno.test("bad source: a host that no address belongs to, and a cache that is a file", async () => {
  await withFolder(async (folder) => {
    const file = join(folder, "file");
    writeFileSync(file, "");
    await withHome(file, async () => {
      const far = "http://no-such-host.invalid/m.gguf";
      await assertFails(
        ["run", far, "Hi"],
        FAILED,
        `Cannot read ${far}: the server cannot be reached`,
      );
      await assertFails(["pull", far], FAILED, "Cannot ");
      assertEquals((await runAha(["models"])).code, 0);
    });
  });
});
