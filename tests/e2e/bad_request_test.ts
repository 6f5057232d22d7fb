/** Sound models asked for what cannot be: context, memory, ids, flags. Exit 1 for limits, 2 for a wrong command line. */
import { assertEquals } from "@std/assert";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ahaProcess } from "../support/aha_process.ts";
import { runAha } from "../support/captured_io.ts";
import { modelSpec, withFolder, withKey, writeModel } from "../support/edited_model.ts";
import { assertFails, assertFailure, FAILED, WRONG_USAGE } from "../support/failing_command.ts";
import { fixturePath } from "../support/fixture.ts";

/** 384 tokens, trained for a context of 512. */
const MODEL = fixturePath("models/llama_untied/gguf/model-F32.gguf");
const ids = (count: number) => Array(count).fill(5).join(",");

const LIMITS: readonly [string, readonly string[], readonly string[]][] = [
  ["a prompt longer than the context", ["--ids", ids(513)], [
    "prompt of 513 tokens does not fit the context of 512 tokens",
  ]],
  ["a prompt that leaves no room", ["--ids", ids(512)], [
    "prompt of 512 tokens leaves no room for an answer in the context of 512 tokens",
  ]],
  ["a prompt longer than --ctx", ["--ids", "1,2,3", "--ctx", "2"], [
    "prompt of 3 tokens does not fit the context of 2 tokens",
  ]],
  ["a text longer than --ctx", ["--raw", "one two three four five", "--ctx", "4"], [
    "does not fit the context of 4 tokens",
  ]],
  ["a context the model was not trained for", ["Hi", "--ctx", "513"], [
    "A context of 513 tokens is not possible: the model was trained for 1 to 512",
  ]],
  ["a budget too small", ["Hi", "--memory", "1MiB"], ["The model needs ", " 1 MiB are allowed"]],
  ["a budget too small for the cache", ["Hi", "--memory", "40MiB"], [
    "The model needs ",
    "40 MiB are allowed",
  ]],
  ["heads that are no whole blocks of the cache's type", ["Hi", "--kv-type", "q8_0"], [
    "kvType q8_0 needs heads of whole blocks of 32 numbers, the model's have 8: take f16",
  ]],
  ["an id beyond the vocabulary", ["--ids", "1,384"], ["Token id 384", "vocabulary of 384"]],
  ["an id beyond 32 bits", ["--ids", "4294967297"], ["Token id 4294967297", "of 384"]],
  ["an empty prompt", ["", "--raw"], ["empty prompt"]],
];
for (const [what, words, parts] of LIMITS) {
  Deno.test(`bad request: ${what}`, async () => {
    await assertFails(["run", MODEL, ...words], FAILED, parts);
    // nothing to generate changes nothing about the prompt
    if (!words.includes("")) {
      await assertFails(["run", MODEL, ...words, "--max-tokens", "0"], FAILED, parts);
    }
  });
}

const USAGE: readonly [readonly string[], string][] = [
  [["run", MODEL, "Hi", "there"], `unexpected argument "there"`],
  [["run", MODEL, "Hi", "--ids", "1"], "give a prompt or --ids, not both"],
  [["run", MODEL], "no prompt: give one as an argument or on stdin"],
  [["run", MODEL, "--ids", ""], "--ids is empty"],
  [["run", MODEL, "--ids", "1,x"], `--ids "1,x" is not allowed`],
  [["run", MODEL, "--ids", "-1"], `--ids "-1" is not allowed`],
  [["run", MODEL, "--ids", "1", "--system", "S"], "--system needs the chat template"],
  [["run", MODEL, "Hi", "--raw", "--system", "S"], "--system needs the chat template"],
  [["run", MODEL, "Hi", "--max-tokens", "-1"], "a whole number of at least 0"],
  [["run", MODEL, "Hi", "--max-tokens", "1.5"], "a whole number of at least 0"],
  [["run", MODEL, "Hi", "--temperature", "-0.1"], "a number from 0 to 100"],
  [["run", MODEL, "Hi", "--temperature", "NaN"], "a number from 0 to 100"],
  [["run", MODEL, "Hi", "--top-p", "1.1"], "a number from 0 to 1"],
  [["run", MODEL, "Hi", "--min-p", "2"], "a number from 0 to 1"],
  [["run", MODEL, "Hi", "--top-k", "-1"], "a whole number from 0 to 2147483647"],
  [["run", MODEL, "Hi", "--seed", "x"], "a whole number of at least 0"],
  [["run", MODEL, "Hi", "--ctx", "0"], "a whole number of at least 1"],
  [["run", MODEL, "Hi", "--threads", "0"], "a whole number of at least 1"],
  [["run", MODEL, "Hi", "--memory", "much"], "a size such as 3GiB"],
  [["run", MODEL, "Hi", "--memory", "0"], "a size such as 3GiB"],
  [["run", MODEL, "Hi", "--kv-type", "f64"], "one of auto, f32, f16, q8_0"],
  [["run", MODEL, "Hi", "--backend", "cuda"], "one of auto, wasm, webgpu"],
  [["run", MODEL, "Hi", "--think", "hard"], "on, off or a number"],
  [["run", MODEL, "Hi", "--raw", "--think", "off"], "--think off needs the chat template"],
  [["run", MODEL, "Hi", "--stop", ""], "at least one sign"],
  [["run", MODEL, "Hi", "--wat"], "unknown option --wat"],
  [["run", MODEL, "Hi", "--seed"], "--seed needs a value"],
  [["score", MODEL], "score needs --ids FILE.json or --text FILE, and not both"],
  [["score", MODEL, "--ids", "a", "--text", "b"], "and not both"],
  [["bench", MODEL, "--repeat", "0"], "a whole number of at least 1"],
  [["bench", MODEL, "--generate", "1"], "a whole number of at least 2"],
];
Deno.test("bad request: a wrong command line is exit 2 and says what is allowed", async () => {
  for (const [words, part] of USAGE) await assertFails(words, WRONG_USAGE, part);
});

const LATER: readonly (readonly string[])[] = [
  ["run", MODEL, "Hi", "--backend", "webgpu"],
];
Deno.test("bad request: what is not built yet says so and is exit 2", async () => {
  for (const words of LATER) await assertFails(words, WRONG_USAGE, "is not built yet");
});

Deno.test("bad request: a model without a chat template needs --raw", async () => {
  const spec = await modelSpec("models/llama_untied/gguf/model-F16.gguf");
  await withFolder(async (folder) => {
    const path = writeModel(folder, withKey(spec, "tokenizer.chat_template"));
    await assertFails(["run", path, "Hi"], FAILED, "has no chat template");
  });
});

Deno.test("bad request: score names what is wrong with its files and leaves none behind", async () => {
  await withFolder(async (folder) => {
    const file = (name: string, content: string): string => {
      writeFileSync(join(folder, name), content);
      return join(folder, name);
    };
    const score = (...words: string[]) => ["score", MODEL, ...words];
    const sound = file("ids.json", "[[1,2,3],[4,5]]");
    const cases: [string[], string][] = [
      [score("--ids", join(folder, "none")), "there is no such file"],
      [score("--ids", folder), "it is a folder"],
      [score("--ids", file("a", "[[1,2")), "Cannot read"],
      [score("--ids", file("b", "[1,2]")), "lists of token ids, [[1, 2, 3], ...]"],
      [score("--ids", file("c", "[[1.5]]")), "lists of token ids"],
      [score("--ids", file("d", "[[1,-1]]")), "Token id -1 is outside"],
      [score("--ids", file("e", "[[4294967297]]")), "Token id 4294967297 is outside"],
      [score("--ids", file("f", `[[${ids(513)}]]`)), "513 tokens does not fit the context of 512"],
      [score("--text", file("g", "\xff\xfe".repeat(9)), "--ctx", "3"), "context of 3 tokens"],
      [score("--ids", sound, "--logits", folder), "it is a folder"],
      [score("--ids", sound, "--logits", join(folder, "no/out")), "its folder does not exist"],
    ];
    const before = () => readdirSync(folder).sort();
    const all = before();
    for (const [words, part] of cases) await assertFails(words, FAILED, part);
    // the second sequence is wrong: the rows of the first are not kept, and an older file is
    const out = file("old", "kept");
    const half = file("half.json", "[[1,2,3],[384]]");
    await assertFails(score("--ids", half, "--logits", out), FAILED, "Token id 384");
    assertEquals(readFileSync(out, "utf8"), "kept");
    assertEquals(before(), [...all, "half.json", "old"].sort());
  });
});

Deno.test("bad request: a full disk ends score with one line", async () => {
  const device = "/dev/full";
  const [target, part] = existsSync(device)
    ? [device, "Cannot write /dev/full: the disk is full"]
    : ["/", "it is a folder"];
  const words = ["score", MODEL, "--ids", "-", "--logits", target];
  const ended = await ahaProcess(words, { stdin: "[[1,2,3]]" });
  assertFailure(ended, FAILED, part);
  assertEquals(existsSync(`${target}.part`), false);
});

Deno.test("bad request: a part file that cannot be made", async () => {
  await withFolder(async (folder) => {
    mkdirSync(join(folder, "out.part"));
    const out = join(folder, "out");
    const ended = await runAha(["score", MODEL, "--ids", "-", "--logits", out], "[[1,2]]");
    assertFailure(ended, FAILED, `Cannot write ${out}`);
    assertEquals(readdirSync(folder), ["out.part"]);
  });
});

Deno.test("bad request: processes end with the right exit code", async () => {
  const ended = await Promise.all([
    ahaProcess(["run", MODEL, "--ids", ids(600)]),
    ahaProcess(["run", MODEL, "Hi", "--backend", "webgpu"]),
    ahaProcess(["run", MODEL, "--max-tokens", "1"], { stdin: "\n" }),
  ]);
  assertFailure(ended[0], FAILED, "prompt of 600 tokens does not fit the context of 512");
  assertFailure(ended[1], WRONG_USAGE, "is not built yet");
  assertFailure(ended[2], WRONG_USAGE, "no prompt");
});
