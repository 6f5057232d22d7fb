/** `packages/api/main.ts` under `deno serve`, as Deno Deploy runs it, and in what an isolate has: no threads, no shared memory, no disk. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { fixturePath } from "../support/fixture.ts";
import { startRangeServer } from "../support/range_server.ts";
import { framesOf } from "../support/scripted_app.ts";

const ENTRY = fileURLToPath(new URL("../../packages/api/main.ts", import.meta.url));
const ISOLATE = fileURLToPath(new URL("../support/isolate_preload.ts", import.meta.url));
const MODEL = fixturePath("models/llama_untied/gguf/model-F32.gguf");
const TIME_LIMIT_MS = 60_000;
const CHAT = "/v1/chat/completions";

/** Starts the entry; `url` rejects if it ends before it listens. */
function startEntry(flags: readonly string[], env: Readonly<Record<string, string>>) {
  const words = ["serve", "--no-check", "--host", "127.0.0.1", "--port", "0", ...flags, ENTRY];
  const child: ChildProcess = spawn(process.execPath, words, {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, NO_COLOR: "1", ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), TIME_LIMIT_MS);
  const printed = { error: "" };
  const { promise: url, resolve, reject } = Promise.withResolvers<string>();
  child.stderr!.on("data", (chunk) => {
    printed.error += chunk;
    const [, listening] = /Listening on (http:\S+[^/\s])/.exec(printed.error) ?? [];
    if (listening) resolve(listening);
  });
  const ended = new Promise<number | null>((resolve) =>
    child.once("close", (code) => {
      clearTimeout(timer);
      reject(new Error(printed.error));
      resolve(code);
    })
  );
  // After child.kill the exit code is not told.
  return { url, printed, ended, stop: () => process.kill(child.pid as number, "SIGINT") };
}

/** A short chat whose answer is streamed. */
async function streamed(url: string, headers: HeadersInit = {}): Promise<Response> {
  const messages = [{ role: "user", content: "Hello" }];
  return await fetch(url + CHAT, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ messages, max_tokens: 4, temperature: 0, stream: true }),
  });
}

for (
  const [what, flags] of [
    ["with all that Deno has", ["--allow-all"]],
    ["in an isolate", ["--no-prompt", "--allow-net", "--allow-env", `--preload=${ISOLATE}`]],
  ] as const
) {
  Deno.test(`main.ts ${what}: reads its model by range and answers whoever has a key`, async () => {
    const source = startRangeServer({ bytes: readFileSync(MODEL) });
    const env = { AHA_MODEL: `tiny=${source.url}`, AHA_API_KEYS: "ci:s3cret", AHA_CTX: "128" };
    const { url, printed, ended, stop } = startEntry(flags, env);
    try {
      assertEquals((await streamed(await url)).status, 401);
      const answer = await streamed(await url, { authorization: "Bearer s3cret" });
      assertEquals(framesOf(await answer.text()).at(-1), "[DONE]", printed.error);
      const authorization = "Bearer s3cret";
      const models = await fetch(`${await url}/v1/models`, { headers: { authorization } });
      const { data: [{ id, meta }] } = await models.json();
      assertEquals([id, meta.n_ctx_train], ["tiny", 128]);
      const props = await (await fetch(`${await url}/api/ps`, { headers: { authorization } }))
        .json();
      assertEquals(props.models[0].name, "tiny");
      assertEquals(source.requests.every(({ range }) => range.startsWith("bytes=")), true);
      assertMatch(printed.error, /tiny is ready after \d+ ms/);
    } finally {
      stop();
      await source.close();
    }
    assertEquals(await ended, 0, printed.error);
  });
}

Deno.test("main.ts: does not start where anybody could ask and nobody said so", async () => {
  const { url, printed, ended } = startEntry(["--allow-all"], { AHA_MODEL: MODEL });
  await url.catch(() => {});
  assertEquals(await ended, 1);
  assertStringIncludes(printed.error, "Anybody could ask: set AHA_API_KEYS");
});
