/** The embedded models: what is published of them is what the files are and do, and the first command answers with a thought, offline. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { manifest } from "@aha/weights";
import { nanoTokenizer } from "@aha/grpo";
import { openGguf } from "@aha/runtime/gguf";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { measureFile, type Published, tasksOf } from "../../packages/grpo/embed/published.ts";
import { denoProcess } from "../support/aha_process.ts";
import { startAhaServer } from "../support/aha_server.ts";
import { runAha } from "../support/captured_io.ts";
import { withFolder } from "../support/edited_model.ts";
import { hasTerminals, terminalProcess } from "../support/terminal_process.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const FOLDER = join(ROOT, "weights/nano");
const published: Published = JSON.parse(readFileSync(join(FOLDER, "nano.json"), "utf8"));
const NAMES = ["nano", "nano-student"] as const;

const MOST_BYTES = 12 * 2 ** 20;

Deno.test("embedded models: files, checksums and sizes are those that are published, and within 12 MiB", () => {
  for (const name of NAMES) {
    const { file, sizeBytes, sha256, parameters } = published.models[name];
    const bytes = readFileSync(join(FOLDER, file));
    assert(bytes.length <= MOST_BYTES, `${file} has ${bytes.length} bytes`);
    assertEquals([bytes.length, createHash("sha256").update(bytes).digest("hex")], [
      sizeBytes,
      sha256,
    ]);
    const entry = manifest.models.find((entry) => entry.name === name)!;
    assertEquals([entry.file, entry.sizeBytes, entry.sha256, entry.parameters], [
      ...[file, sizeBytes, sha256, parameters],
    ]);
    assertEquals(
      entry.packaged!().href,
      new URL("../../weights/nano/" + file, import.meta.url).href,
    );
  }
});

Deno.test("embedded models: a mixture of experts and a dense student, under their names, with today's tokenizer", async () => {
  const architectures = { nano: "deepseek2", "nano-student": "llama" };
  for (const name of NAMES) {
    const { gguf, source } = await openGguf(join(FOLDER, `${name}.gguf`));
    await source.close();
    const { metadata } = gguf;
    assertEquals(metadata.string("general.name"), name);
    assertEquals(metadata.string("general.architecture"), architectures[name]);
    assertEquals(published.models[name].architecture, architectures[name]);
    for (const [key, { value }] of nanoTokenizer().entries) {
      assertEquals(new Map(metadata.entries()).get(key)?.value, value, key);
    }
  }
});

/**
 * The error of a mean for the comparison: that of the spread of the problems, or, where no problem was different from the
 * others, one problem.
 */
function errorOf(standardError: number | null, problems: number): number {
  return Math.max(standardError ?? 0, 1 / problems);
}

// The same problems and draws: what differs is how this processor rounds.
Deno.test("embedded models: accuracy measured again is the published one within its standard error", async () => {
  for (const name of NAMES) {
    const { file, tasks } = published.models[name];
    const report = await measureFile(join(FOLDER, file), published.evaluation, { budgets: [] });
    assertEquals(tasksOf(report).map(({ task }) => task), tasks.map(({ task }) => task));
    for (const [at, { task, measures: { accuracy, problems } }] of tasksOf(report).entries()) {
      const was = tasks[at];
      const difference = Math.abs(accuracy.mean - was.accuracy.mean);
      const bound = errorOf(was.accuracy.standardError, problems);
      const told = `${name}, ${task}: ${accuracy.mean}, published ${was.accuracy.mean}`;
      assertEquals(problems, was.problems, told);
      assert(difference <= bound, `${told}, apart by more than ${bound}`);
    }
  }
});

/** The words after `aha` of `deno task start`, the README's first command. */
function firstWords(): string[] {
  const { tasks } = JSON.parse(readFileSync(join(ROOT, "deno.json"), "utf8"));
  const [, words] = /^deno task aha (.*)$/.exec(tasks.start)!;
  return [...words.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare);
}

const THOUGHT = /^A \d B \d C \d$/;
const ANSWER = /<answer> \d <\/answer>/;

Deno.test("the first command answers with a thought within 10 s, without network and cache", async () => {
  assertStringIncludes(
    readFileSync(join(ROOT, "README.md"), "utf8"),
    "npx --yes deno@2 task start ",
  );
  await withFolder(async (home) => {
    const aha = ["--deny-net", join(ROOT, "packages/cli/main.ts")];
    const run = async (...more: string[]) => {
      const { code, out, error } = await denoProcess(
        [...aha, ...firstWords(), "--seed", "1", ...more],
        { timeoutMs: 10_000, env: { AHA_HOME: join(home, "none") } },
      );
      assertEquals([code, error], [0, ""]);
      return out;
    };
    const { model, reasoning, text } = JSON.parse(await run("--json"));
    assertEquals(model, "nano");
    assertMatch(reasoning, THOUGHT);
    assertMatch(text, ANSWER);
    assertEquals(await run(), `${reasoning}\n\n${text}\n`);
    assertEquals(existsSync(join(home, "none")), false);
  });
});

Deno.test({
  name: "the first command at a terminal: an introduction, the thought dim, then the answer",
  ignore: !hasTerminals,
  fn: async () => {
    const { code, out } = await terminalProcess([...firstWords(), "--seed", "1"], []);
    assertEquals(code, 0, out);
    assertMatch(out, /nano demonstrates reasoning: [\d.]+ [kM] parameters/);
    if (!process.env.NO_COLOR) assertStringIncludes(out, "\x1b[2mA\x1b[22m");
    // deno-lint-ignore no-control-regex -- the screen's own
    const shown = out.replace(/\x1b(\[[\d;?]*)?\w/g, "");
    assertMatch(shown, /A \d B \d C \d\r\n\r\n<answer> \d <\/answer>\r\n/);
  },
});

Deno.test("aha run: prompts that nano cannot take are one line that says what it can", async () => {
  const cases: [string, string][] = [
    ["smollm2", '"smollm2" is no word of this model, which knows CHAIN, MUL,'],
    ["Why is the sky blue?", "for questions in words: aha run smollm2-135m PROMPT"],
  ];
  for (const [prompt, message] of cases) {
    const { code, out, error } = await runAha(["run", prompt]);
    assertEquals([code, out], [1, ""]);
    assertMatch(error, /^aha: nano: [^\n]+\n$/);
    assertStringIncludes(error, message);
  }
  const { code, error } = await runAha(["run", "SORT 1", "--temperature", "0"]);
  assertEquals(code, 0);
  assertStringIncludes(error, "nano has learnt no problem of this form");
});

Deno.test("aha chat: nano is the model where none is named", async () => {
  const { code, out, error } = await runAha(["chat", "--seed", "1"], "chain A9, B4, C8\nHello\n");
  assertEquals(code, 0, error);
  assertMatch(out, ANSWER);
  assertMatch(error, /^aha: [^\n]*"Hello" is no word of this model[^\n]*\n$/m);
});

Deno.test("aha serve: nano is the model where none is named; clients get its thoughts apart", async () => {
  const server = await startAhaServer([]);
  try {
    await server.ready();
    assertStringIncludes(server.printed.error, "CHAIN A 9 B 4 C 8 ?"); // the command to try
    const ask = (content: string) =>
      server.post("/v1/chat/completions", {
        ...{ model: "nano", seed: 1, messages: [{ role: "user", content }] },
      });
    const { choices: [{ message }] } = await (await ask("CHAIN A 9 B 4 C 8 ?")).json();
    assertMatch(message.reasoning_content, THOUGHT);
    assertMatch(message.content, ANSWER);
    const refused = await ask("Hello");
    assertEquals(refused.status, 400);
    assertStringIncludes((await refused.json()).error.message, "try CHAIN A 9 B 4 C 8 ?");
    const { models: [{ name, details }] } = await (await fetch(`${server.url}/api/tags`)).json();
    assertMatch(name, /^nano\b/);
    assertEquals(details.family, "deepseek2");
  } finally {
    server.signal("SIGINT");
    await server.ended;
  }
});
