/** `aha serve` as its users meet it: a process that is asked over HTTP and ended by signals; wrong command lines. */
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { listen } from "../../packages/api/src/listen/mod.ts";
import { ahaProcess } from "../support/aha_process.ts";
import { type AhaServer, startAhaServer } from "../support/aha_server.ts";
import { withFolder } from "../support/edited_model.ts";
import { assertFails, assertFailure, FAILED, WRONG_USAGE } from "../support/failing_command.ts";
import { fixturePath } from "../support/fixture.ts";
import { startRangeServer } from "../support/range_server.ts";
import { framesOf } from "../support/scripted_app.ts";

const MODEL = fixturePath("models/llama_untied/gguf/model-F32.gguf");
const TINY = `tiny=${MODEL}`;
const CHAT = "/v1/chat/completions";
const MESSAGES = [{ role: "user", content: "Hello" }];
/** Eight answers that go on for about as long as the context, so that there is time to interrupt them. */
const LONG = { model: "tiny", messages: MESSAGES, n: 8, max_tokens: 480, stream: true };

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

Deno.test("aha serve: answers a chat, tells who asked, and ends at SIGTERM with code 0", async () => {
  const server = await startAhaServer([TINY, "--alias", "gpt-*", "--log", "json"]);
  await server.ready();
  const asked = { model: "gpt-4o-mini", messages: MESSAGES, max_tokens: 5, temperature: 0 };
  const response = await server.post(CHAT, asked);
  const { model, usage } = await response.json();
  assertEquals([response.status, model, usage.completion_tokens], [200, "tiny", 5]);
  const models = await (await fetch(`${server.url}/v1/models`)).json();
  assertEquals(models.data.map(({ id }: { id: string }) => id), ["tiny"]);
  server.signal("SIGTERM");
  const { code, out, error } = await server.ended;
  assertEquals(code, 0, error);
  assertStringIncludes(error, "No key is needed.");
  assertMatch(error, /tiny is ready after [\d.]+ s: llama, .* 512 tokens/);
  const entries = out.trim().split("\n").map((line) => JSON.parse(line));
  const { status, completionTokens } = entries.find(({ path }) => path === CHAT);
  assertEquals([status, completionTokens], [200, 5]);
  assert(!out.includes("Hello"));
});

Deno.test("aha serve: keys come from AHA_API_KEYS, and names of other machines are let in with them", async () => {
  const env = { AHA_API_KEYS: "ci:s3cret" };
  const server = await startAhaServer([TINY, "--host", "0.0.0.0", "--log-prompts"], { env });
  await server.ready();
  const asked = { model: "tiny", messages: MESSAGES, max_tokens: 1 };
  assertEquals((await server.post(CHAT, asked)).status, 401);
  const answered = await server.post(CHAT, asked, { authorization: "Bearer s3cret" });
  assertEquals([answered.status, (await answered.json()).object], [200, "chat.completion"]);
  server.signal("SIGINT");
  const { code, out, error } = await server.ended;
  assertEquals(code, 0, error);
  assert(!(out + error).includes("s3cret"));
  assertMatch(
    out,
    /200 POST \/v1\/chat\/completions \d+ ms tiny \d+\+1 tokens for ci req_\w+ .*Hello/,
  );
});

/** A server that is in the midst of a stream; `rest` reads on and gives all frames. */
async function startedStream(
  words: readonly string[],
): Promise<{ server: AhaServer; rest: () => Promise<unknown[]> }> {
  const server = await startAhaServer([TINY, "--threads", "1", ...words]);
  await server.ready();
  const { body } = await server.post(CHAT, LONG);
  const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = (await reader.read()).value ?? "";
  const rest = async () => {
    for (let next = await reader.read(); !next.done; next = await reader.read()) text += next.value;
    return framesOf(text);
  };
  return { server, rest };
}

Deno.test("aha serve: at SIGTERM a running stream goes on to its end, and nobody new is let in", async () => {
  const { server, rest } = await startedStream([]);
  server.signal("SIGTERM");
  const frames = rest();
  while (!server.printed.error.includes("Stopping")) await pause(5);
  const later = await fetch(server.url).then(() => "let in", () => "refused");
  assertEquals([later, (await frames).at(-1)], ["refused", "[DONE]"]);
  const { code, error } = await server.ended;
  assertEquals(code, 0, error);
  assertStringIncludes(error, "Stopping: answers may go on for 10 s; Ctrl-C ends them at once\n");
});

Deno.test("aha serve: a stream that goes on for too long gets a proper last frame", async () => {
  const { server, rest } = await startedStream(["--grace", "100ms"]);
  server.signal("SIGINT");
  const last = (await rest()).at(-1) as { error: { code: string; message: string } };
  assertEquals(last.error.code, "shutting_down");
  assertEquals(last.error.message, "The server is shutting down and takes no more requests");
  assertEquals((await server.ended).code, 0);
});

Deno.test("aha serve: a second Ctrl-C ends it at once", async () => {
  const { server, rest } = await startedStream([]);
  server.signal("SIGINT");
  while (!server.printed.error.includes("Stopping")) await pause(5);
  const broken = assertRejects(rest);
  server.signal("SIGINT");
  assertEquals((await server.ended).code, 130);
  await broken;
});

Deno.test("aha serve: a model that cannot be had ends it with one more line", async () => {
  const bytes = readFileSync(MODEL);
  const source = startRangeServer({ bytes, statuses: [404, 404, 404, 404] });
  try {
    const { code, error } = await ahaProcess(["serve", `tiny=${source.url}`, "--port", "0"]);
    assertEquals(code, 1, error);
    assertMatch(error.trim().split("\n").at(-1)!, /^aha: .*404/);
  } finally {
    await source.close();
  }
});

Deno.test("aha serve: what cannot be served is one line and exit 1", async () => {
  await assertFails(["serve", "missing.gguf"], FAILED, "missing.gguf: there is no such file");
  await assertFails(
    ["serve", "unknown-model"],
    FAILED,
    "a known name (nano, nano-student, smollm2-135m)",
  );
  await assertFails(["serve", MODEL, "--ctx", "513"], FAILED, "trained for 1 to 512");
  await assertFails(["serve", MODEL, "--memory", "1MiB"], FAILED, "1 MiB are allowed");
  await assertFails(["serve", MODEL, "--host", "192.0.2.1", "--public"], FAILED, "no such address");
  await withFolder(async (folder) => {
    const path = join(folder, "cut.gguf");
    writeFileSync(path, readFileSync(MODEL).subarray(0, 100_000));
    await assertFails(["serve", path], FAILED, "cut.gguf");
  });
});

Deno.test("aha serve: a port that is in use is one line and exit 1", async () => {
  const other = await listen({ fetch: () => new Response() }, { port: 0 });
  try {
    const ended = await ahaProcess(["serve", MODEL, "--port", String(other.port)]);
    assertFailure(ended, FAILED, `port ${other.port} of 127.0.0.1: the port is in use`);
  } finally {
    await other.close();
  }
});

Deno.test("aha serve: a wrong command line is one line and exit 2", async () => {
  const cases: [string[], string][] = [
    [["--host", "0.0.0.0"], "--host 0.0.0.0 lets others ask: give --api-key, or --public"],
    [["--host", "example.com"], "lets others ask"],
    [["--port", "65536"], "a whole number from 0 to 65535"],
    [["--slots", "0"], "a whole number from 1"],
    [["--cors", "example.com"], "an origin such as"],
    [["--idle-timeout", "5"], "a duration such as"],
    [["--log", "xml"], "one of text, json, off"],
    [["--api-key", ""], "--api-key is empty"],
    [[MODEL], "two models are called"],
    [["--raw"], "unknown option --raw"],
  ];
  for (const [words, part] of cases) {
    await assertFails(["serve", MODEL, ...words], WRONG_USAGE, part);
  }
});
