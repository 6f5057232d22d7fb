/** The API behind a real socket: clients that lie, dawdle, flood and leave. What routes answer is tested beside them. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { AppOptions } from "../../packages/api/src/app_options.ts";
import { type ScriptedApp, scriptedApp, until } from "../support/scripted_app.ts";
import type { Script } from "../support/scripted_engine.ts";

const PATH = "/v1/chat/completions";
const chat = JSON.stringify({ messages: [{ role: "user", content: "hi" }] });
const LONG: Script = { content: Array(1000).fill("a"), pauseMs: 2 };

interface Served {
  readonly app: ScriptedApp;
  readonly url: string;
  /** Sends bytes as they are and gives what comes back first, "" where the server only closes. */
  readonly send: (parts: readonly string[], pauseMs?: number) => Promise<string>;
}

async function served(script: Script, limits: AppOptions, run: (it: Served) => Promise<void>) {
  const app = scriptedApp(script, limits);
  const options = { port: 0, hostname: "127.0.0.1", onListen() {} };
  const server = Deno.serve(options, (request) => app.fetch(request));
  const { port } = server.addr;
  const buffer = new Uint8Array(1000);
  const send: Served["send"] = async (parts, pauseMs = 0) => {
    using socket = await Deno.connect({ port, hostname: "127.0.0.1" });
    // The answer's beginning: Deno closes only when it has the rest of the body, whatever was answered.
    const answer = socket.read(buffer).catch(() => null);
    for (const part of parts) {
      await socket.write(new TextEncoder().encode(part)).catch(() => {});
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    return new TextDecoder().decode(buffer.subarray(0, await answer ?? 0));
  };
  try {
    await run({ app, url: `http://127.0.0.1:${port}`, send });
    const lives = await fetch(`http://127.0.0.1:${port}/v1/models`);
    assertEquals([lives.status, (await lives.json()).object], [200, "list"]);
    await until(() => app.engine.open === 0);
  } finally {
    await server.shutdown();
  }
}

const head = (...lines: readonly string[]) =>
  [`POST ${PATH} HTTP/1.1`, "host: localhost", "connection: close", ...lines, "", ""].join("\r\n");
const json = "content-type: application/json";

Deno.test("sockets: bodies that are too large, announced, chunked or lied about", async () => {
  await served({ content: ["a"] }, { maxBodyBytes: 1000 }, async ({ send }) => {
    assertMatch(await send([head(json, "content-length: 5000000")]), /^HTTP\/1.1 413 /);
    const chunk = `1f4\r\n${" ".repeat(500)}\r\n`;
    const chunked = head(json, "transfer-encoding: chunked");
    assertMatch(await send([chunked, chunk, chunk, chunk, chunk]), /^HTTP\/1.1 413 /);
    const short = await send([head(json, "content-length: 5"), chat]);
    assertMatch(short, /^HTTP\/1.1 400 /);
    assertMatch(await send([head(json, "content-length: nonsense"), chat]), /^HTTP\/1.1 400 /);
  });
});

Deno.test("sockets: who sends slowly gets 408", async () => {
  await served({ content: ["a"] }, { bodyTimeoutMs: 60 }, async ({ send }) => {
    const slow = [head(json, `content-length: ${chat.length}`), ...chat.slice(0, 12)];
    assertMatch(await send(slow, 15), /^HTTP\/1.1 408 /);
    assertMatch(
      await send([head(json, `content-length: ${chat.length}`), chat]),
      /^HTTP\/1.1 200 /,
    );
  });
});

Deno.test("sockets: a flood of headers is refused", async () => {
  await served({ content: ["a"] }, {}, async ({ send }) => {
    const flood = Array.from({ length: 20_000 }, (_, i) => `x-flood-${i}: ${"y".repeat(50)}`);
    const answer = await send([head(json, ...flood)]);
    assert(answer === "" || /^HTTP\/1.1 4\d\d /.test(answer), answer);
  });
});

Deno.test("sockets: who leaves frees the place, whole answers and streams alike", async () => {
  await served(LONG, {}, async ({ app, url }) => {
    for (const stream of [false, true]) {
      const controller = new AbortController();
      const body = JSON.stringify({ ...JSON.parse(chat), stream });
      const headers = { "content-type": "application/json" };
      const { signal } = controller;
      const asked = fetch(url + PATH, { method: "POST", headers, body, signal });
      await until(() => app.engine.open === 1);
      if (stream) await (await asked).body?.getReader().read();
      else asked.catch(() => {});
      controller.abort();
      await until(() => app.engine.open === 0);
    }
    assertEquals(app.engine.aborted, 2);
  });
});
