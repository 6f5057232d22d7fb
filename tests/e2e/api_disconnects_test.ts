/** 500 clients that go away at any moment: no place, lease, page, request or listener of theirs is left behind. */
import { assert, assertEquals } from "@std/assert";
import v8 from "node:v8";
import vm from "node:vm";
import type { AccessEntry } from "../../packages/api/src/app_options.ts";
import { listen } from "../../packages/api/src/listen/mod.ts";
import { type ApiServer, startApiServer } from "../support/api_server.ts";
import { head, postOf } from "../support/raw_http.ts";
import { scriptedApp } from "../support/scripted_app.ts";
import { seededRandom } from "../support/seeded_random.ts";

const CLIENTS = 500;
/** Clients at once, for places that are fewer: most of them wait in the queue. */
const AT_ONCE = 12;
const SLOTS = 4;

/** When a client leaves: with half a head or half a body, while it waits, in its prompt, in its answer, at the end. */
type Moment = "head" | "body" | "at once" | "soon" | "frame" | "end" | "never";
const MOMENTS: readonly Moment[] = [
  ...["head", "body", "at once", "soon", "soon", "soon", "frame", "frame", "end", "never"] as const,
];

const PATHS = [
  "/v1/chat/completions",
  "/v1/responses",
  "/v1/completions",
  "/api/chat",
  "/completion",
];

function bodyOf(path: string, promptWords: number, tokens: number, stream: boolean): object {
  const words = Array.from({ length: promptWords }, (_, i) => `w${i % 10}`).join(" ");
  const messages = [{ role: "user", content: words }];
  switch (path) {
    case "/v1/responses":
      return { input: words, max_output_tokens: tokens, stream };
    case "/v1/completions":
      return { prompt: words, max_tokens: tokens, stream, ignore_eos: true };
    case "/api/chat":
      return { model: "tiny", messages, stream, options: { num_predict: tokens } };
    case "/completion":
      return { prompt: words, n_predict: tokens, stream, ignore_eos: true };
    default:
      return { messages, max_tokens: tokens, stream, ignore_eos: true, n: 1 + tokens % 2 };
  }
}

class Clients {
  readonly random = seededRandom(41);
  readonly left = new Map<Moment, number>();
  answered = 0;

  constructor(readonly port: number) {}

  async run(): Promise<void> {
    const moment = MOMENTS[this.random(MOMENTS.length)];
    const path = PATHS[this.random(PATHS.length)];
    const stream = this.random(4) > 0;
    // A context is 512 tokens; some prompts are longer.
    const body = bodyOf(path, this.random(150), 1 + this.random(60), stream);
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: this.port });
    const [start, content] = postOf(path, JSON.stringify(body));
    const bytes = new Uint8Array([
      ...new TextEncoder().encode(start as string),
      ...content as Uint8Array,
    ]);
    const part = moment === "head" ? 40 : moment === "body" ? bytes.length - 10 : bytes.length;
    await connection.write(bytes.subarray(0, part));
    if (moment === "soon") await new Promise((resolve) => setTimeout(resolve, this.random(40)));
    if (moment === "frame") await this.#read(connection, 1 + this.random(8_000), "\n\n");
    if (moment === "end") await this.#read(connection, Infinity, "[DONE]");
    if (moment === "never") {
      const text = await this.#read(connection, Infinity);
      assert(/^HTTP\/1\.1 (200|400|429) /.test(text), text.slice(0, 300));
      this.answered++;
    }
    this.left.set(moment, (this.left.get(moment) ?? 0) + 1);
  }

  /** Reads until so many bytes have come, or a text, or the end. */
  async #read(connection: Deno.Conn, mostBytes: number, until?: string): Promise<string> {
    const buffer = new Uint8Array(4_096);
    let text = "";
    while (text.length < mostBytes && (until === undefined || !text.includes(until))) {
      const count = await connection.read(buffer);
      if (count === null) break;
      text += new TextDecoder().decode(buffer.subarray(0, count));
    }
    return text;
  }
}

async function loadOf({ engine }: ApiServer) {
  const { slots, queued, models: [{ load }] } = await engine.status();
  const taken = slots.filter(({ model }) => model).length;
  return { taken, queued, running: load?.running ?? 0, usedPages: load?.usedPages ?? 0 };
}

/** Waits until something is so, for two seconds at most. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 400 && !(await isSo()); i++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Nothing runs, waits or holds a page; gives it a while to come to that. */
async function expectIdle(server: ApiServer): Promise<void> {
  await until(async () => Object.values(await loadOf(server)).every((count) => count === 0));
  assertEquals(await loadOf(server), { taken: 0, queued: 0, running: 0, usedPages: 0 });
}

function collectGarbage(): void {
  v8.setFlagsFromString("--expose-gc");
  const gc = vm.runInNewContext("gc") as () => void;
  for (let i = 0; i < 5; i++) gc();
}

Deno.test("api: 500 clients that go away leave nothing behind", async () => {
  const requests: WeakRef<AbortSignal>[] = [];
  const statuses: number[] = [];
  await using server = await startApiServer({
    engine: { slots: SLOTS, maxQueued: 6 },
    app: { onAccess: ({ status }) => void statuses.push(status) },
    onRequest: ({ signal }) => void requests.push(new WeakRef(signal)),
  });
  const clients = new Clients(server.port);
  let begun = 0;
  const inTurn = async () => {
    while (begun++ < CLIENTS) await clients.run();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, inTurn));
  assertEquals([...clients.left.values()].reduce((a, b) => a + b), CLIENTS);
  assertEquals(clients.left.size, new Set(MOMENTS).size);
  assert(clients.answered > 20);
  await expectIdle(server);
  assertEquals(server.faults, []);
  assertEquals(statuses.length, requests.length); // each request has come to its end
  assert(statuses.includes(499) && statuses.includes(200) && statuses.includes(429));
  assert(statuses.every((status) => status < 500));

  const still = { prompt: "hi", max_tokens: 4, ignore_eos: true };
  const answer = await server.post("/v1/completions", still);
  assertEquals((await answer.json()).usage.completion_tokens, 4);
  collectGarbage();
  await new Promise((resolve) => setTimeout(resolve, 50));
  collectGarbage();
  const kept = requests.filter((request) => request.deref() !== undefined).length;
  assert(kept < 10, `${kept} of ${requests.length} requests are still held`);
  assert((await fetch(`${server.url}/health`, { headers: { connection: "close" } })).ok);
});

/** Of 450 tokens that were asked for, a client that has left is made far fewer. */
const FEW_TOKENS = 300;

/** `Deno.serve` does not tell by itself that a client has gone whose body is larger than this much. */
const PADDING = "x".repeat(5_000);

for (const isDenoServe of [false, true]) {
  const listener = isDenoServe ? "Deno.serve" : "listen";
  Deno.test(`api: who leaves frees a place at the next token, under ${listener}`, async () => {
    await leaveEachSurface(isDenoServe);
  });
}

async function leaveEachSurface(isDenoServe: boolean): Promise<void> {
  const entries: AccessEntry[] = [];
  await using server = await startApiServer({
    isDenoServe,
    engine: { slots: 1 },
    app: { keepAliveMs: 10, onAccess: (entry) => void entries.push(entry) },
  });
  const messages = [{ role: "user", content: "hi" }];
  for (const path of [...PATHS, "/api/generate"]) {
    for (const stream of [true, false]) {
      const asked = path === "/v1/responses" ? { input: "hi" } : { prompt: "hi" };
      const fields = { ...asked, messages, ignore_eos: true, stream };
      const limits = { max_tokens: 400, max_output_tokens: 400, n_predict: 400 };
      const options = { num_predict: 400, temperature: 0, seed: 1 };
      const body = { ...fields, ...limits, model: "tiny", options, padding: PADDING };
      const leaving = new AbortController();
      const { signal } = leaving;
      const answer = server.post(path, body, { signal });
      if (stream) await (await answer).body?.getReader().read();
      else await until(async () => (await loadOf(server)).running > 0);
      leaving.abort();
      await answer.catch(() => {});
      await expectIdle(server);
      const entry = entries.at(-1);
      assertEquals([entry?.path, entry?.status], [path, 499]);
      assert((entry?.completionTokens ?? 0) < FEW_TOKENS, JSON.stringify(entry));
    }
  }
}

Deno.test("api: a head that announces a body which never comes holds no place", async () => {
  await using server = await startApiServer({ engine: { slots: 1 }, app: { bodyTimeoutMs: 300 } });
  const lines = ["Content-Type: application/json", "Content-Length: 100"];
  using idle = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await idle.write(new TextEncoder().encode(head("POST /v1/completions HTTP/1.1", ...lines)));
  const answer = await server.post("/v1/completions", { prompt: "hi", max_tokens: 1 });
  assertEquals(answer.status, 200);
  await answer.body?.cancel();
  const buffer = new Uint8Array(200);
  const count = await idle.read(buffer) ?? 0;
  assert(new TextDecoder().decode(buffer.subarray(0, count)).startsWith("HTTP/1.1 408 "));
});

Deno.test("api: who reads nothing more loses the place, under listen and Deno.serve", async () => {
  const text = "x".repeat(10_000);
  const app = scriptedApp({ content: Array(5_000).fill(text) }, { stallTimeoutMs: 200 });
  const fetch = (request: Request) => app.fetch(request);
  const listener = await listen({ fetch }, { port: 0 });
  const served = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, fetch);
  const body = { messages: [{ role: "user", content: "hi" }], stream: true };
  let left = 0;
  for (const port of [listener.port, served.addr.port]) {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    const [start, content] = postOf("/v1/chat/completions", JSON.stringify(body));
    await connection.write(new TextEncoder().encode(start as string));
    await connection.write(content as Uint8Array);
    await until(() => Promise.resolve(app.engine.open === 1));
    await until(() => Promise.resolve(app.engine.open === 0));
    assertEquals([app.engine.open, app.engine.aborted], [0, ++left], `${port}`);
  }
  await listener.close({ graceMs: 0 });
  await served.shutdown();
});
