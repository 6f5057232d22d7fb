/** `aha run` on a fixture model: the JSON contract, prompts of every kind, sampling options. Speed is measured elsewhere. */
import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { loadModel } from "../../packages/runtime/mod.ts";
import { ahaProcess } from "../support/aha_process.ts";
import { type Captured, runAha } from "../support/captured_io.ts";
import { modelSpec, withFolder, withKey, writeModel } from "../support/edited_model.ts";
import { fixtureJson, fixturePath } from "../support/fixture.ts";
import { F32_LOGPROB } from "../support/tolerance.ts";

const MODEL = fixturePath("models/llama_untied/gguf/model-F32.gguf");

interface Expected {
  readonly prompts: readonly {
    readonly name: string;
    readonly ids: readonly number[];
    readonly greedy: readonly number[];
  }[];
}
const { prompts } = fixtureJson<Expected>("models/llama_untied/expected.json");

/** What `aha run --json` prints. */
interface RunJson {
  readonly model: string;
  readonly backend: string;
  readonly variant: string;
  readonly threads: number;
  readonly promptIds: number[];
  readonly ids: number[];
  readonly text: string;
  readonly reasoning: string;
  readonly finishReason: string;
  readonly timings: Readonly<Record<string, number | string>>;
  readonly logprobs?: readonly (ShownToken & { readonly top: readonly ShownToken[] })[];
}

interface ShownToken {
  readonly id: number;
  readonly text: string;
  readonly logprob: number;
}

function checked({ code, out, error }: Captured): RunJson {
  assertEquals([code, error], [0, ""]);
  assertMatch(out, /^\{[^\n]*\}\n$/);
  return JSON.parse(out);
}

async function run(...words: string[]): Promise<RunJson> {
  return checked(await runAha(["run", MODEL, ...words, "--json"]));
}

Deno.test("aha run --json: exactly the fields of the contract, with their types", async () => {
  const json = await run("--ids", "1,2,3", "--max-tokens", "4", "--temperature", "0");
  const { timings, ...rest } = json;
  assertEquals(Object.entries(rest).map(([name, value]) => [name, typeName(value)]), [
    ["model", "string"],
    ["backend", "string"],
    ["variant", "string"],
    ["threads", "number"],
    ["promptIds", "array"],
    ["ids", "array"],
    ["text", "string"],
    ["reasoning", "string"],
    ["finishReason", "string"],
  ]);
  assertEquals(Object.entries(timings).map(([name, value]) => [name, typeName(value)]), [
    ["loadMs", "number"],
    ["promptTokens", "number"],
    ["promptTokensPerSecond", "number"],
    ["timeToFirstTokenMs", "number"],
    ["generatedTokens", "number"],
    ["tokensPerSecond", "number"],
    ["draftedTokens", "number"],
    ["acceptedTokens", "number"],
    ["peakMemoryBytes", "number"],
    ["peakMemorySource", "string"],
  ]);
  assertEquals([json.model, json.backend, json.reasoning], [MODEL, "wasm", ""]);
  assertEquals([json.promptIds, json.ids.length, json.finishReason], [[1, 2, 3], 4, "length"]);
  assertEquals([timings.promptTokens, timings.generatedTokens], [3, 4]);
  for (const [name, value] of Object.entries(timings)) {
    if (name === "draftedTokens" || name === "acceptedTokens") assertEquals(value, 0);
    else if (name !== "peakMemorySource") assert(value as number > 0, `${name} is ${value}`);
  }
  assert(timings.peakMemoryBytes as number > 10 * 2 ** 20);
});

function typeName(value: unknown): string {
  return Array.isArray(value) ? "array" : typeof value;
}

Deno.test("aha run: greedy continuations are the reference's", async () => {
  await using model = await loadModel(MODEL);
  for (const { name, ids, greedy } of prompts) {
    const words = ["--max-tokens", `${greedy.length}`, "--temperature", "0", "--kv-type", "f32"];
    const json = await run("--ids", ids.join(","), ...words);
    const end = greedy.findIndex((id) => model.tokenizer.endIds.has(id));
    assertEquals(json.ids, end < 0 ? greedy : greedy.slice(0, end), name);
    assertEquals(json.finishReason, end < 0 ? "length" : "stop", name);
    assertEquals(json.promptIds, ids);
    assertEquals(json.text, model.tokenizer.decode(json.ids));
  }
});

Deno.test("aha run: some reference continuation ends at an end token", async () => {
  await using model = await loadModel(MODEL);
  assert(prompts.some(({ greedy }) => greedy.some((id) => model.tokenizer.endIds.has(id))));
});

Deno.test("aha run: the chat template, --system, --raw and --ids feed what they say", async () => {
  await using model = await loadModel(MODEL);
  const none = ["--max-tokens", "0"];
  const user = { role: "user", content: "Why?" };
  assertEquals((await run("Why?", ...none)).promptIds, model.chatIds([user]));
  const system = { role: "system", content: "Be brief." };
  const told = await run("Why?", "--system", "Be brief.", ...none);
  assertEquals(told.promptIds, model.chatIds([system, user]));
  assertEquals((await run("Why?", "--raw", ...none)).promptIds, model.promptIds("Why?"));
  assertEquals((await run("--ids", "9, 8,9", ...none)).promptIds, [9, 8, 9]);
});

Deno.test("aha run, score: a text begins with BOS where the model wants it, ids never do", async () => {
  const spec = await modelSpec("models/llama_untied/gguf/model-F32.gguf");
  const bos = withKey(spec, "tokenizer.ggml.bos_token_id", { type: "uint32", value: 42 });
  await withFolder(async (folder) => {
    for (const value of [true, false]) {
      const added = withKey(bos, "tokenizer.ggml.add_bos_token", { type: "bool", value });
      const path = writeModel(folder, added);
      const words = ["run", path, "--max-tokens", "0", "--json"];
      const text = checked(await runAha([...words, "--raw", "Hi"])).promptIds;
      assertEquals(text[0] === 42, value);
      assertEquals(checked(await runAha([...words, "--ids", "7"])).promptIds, [7]);
      const scored = await runAha(["score", path, "--text", "-"], "Hi");
      assertEquals(JSON.parse(scored.out).sequences[0].ids, text);
    }
  });
});

Deno.test("aha run: a prompt from stdin is the prompt, its last line break is not", async () => {
  const words = ["run", MODEL, "--raw", "--max-tokens", "0", "--json"];
  const argument = checked(await runAha([...words, "two\nlines"]));
  const piped = checked(await runAha(words, "two\nlines\n"));
  assertEquals(piped.promptIds, argument.promptIds);
});

Deno.test("aha run --max-tokens 0: no token, no time, nothing that JSON cannot say", async () => {
  const { ids, text, finishReason, timings } = await run("--ids", "1,2", "--max-tokens", "0");
  assertEquals([ids, text, finishReason], [[], "", "length"]);
  const { promptTokens, promptTokensPerSecond, timeToFirstTokenMs, tokensPerSecond } = timings;
  assertEquals(
    [promptTokens, promptTokensPerSecond, timeToFirstTokenMs, tokensPerSecond],
    [2, 0, 0, 0],
  );
});

Deno.test("aha run: without --max-tokens it ends with the context", async () => {
  const json = await run("--ids", "1,2,3", "--ctx", "16", "--seed", "2", "--top-k", "1");
  assertEquals(json.finishReason, "length");
  assertEquals(json.promptIds.length + json.ids.length, 16);
});

const SAMPLED = ["--ids", "1,2,3", "--max-tokens", "24", "--temperature", "1.5"];

Deno.test("aha run --seed: the same seed repeats, another one does not, none is drawn", async () => {
  const one = await run(...SAMPLED, "--seed", "7");
  assertEquals((await run(...SAMPLED, "--seed", "7")).ids, one.ids);
  assertEquals((await run(...SAMPLED, "--seed", "7", "--threads", "1")).ids, one.ids);
  assertNotEquals((await run(...SAMPLED, "--seed", "8")).ids, one.ids);
  assertNotEquals((await run(...SAMPLED, "--seed", `${7 + 2 ** 32}`)).ids, one.ids);
  assertNotEquals((await run(...SAMPLED)).ids, (await run(...SAMPLED)).ids);
});

Deno.test("aha run: truncations to one token and a tiny temperature are greedy", async () => {
  const greedy = await run(...SAMPLED.with(5, "0"));
  for (const one of [["--top-k", "1"], ["--top-p", "0"], ["--min-p", "1"]]) {
    assertEquals((await run(...SAMPLED, ...one)).ids, greedy.ids, one.join(" "));
  }
  for (const temperature of ["1e-6", "1e-40", "1e-300"]) {
    assertEquals((await run(...SAMPLED.with(5, temperature))).ids, greedy.ids, temperature);
  }
});

Deno.test("aha run --logprobs: each token with the likeliest ones, whatever shaped the draw", async () => {
  await using model = await loadModel(MODEL);
  const words = [...SAMPLED, "--seed", "5", "--repeat-penalty", "1.5", "--logit-bias", "7=-inf"];
  const { ids, logprobs } = await run(...words, "--logprobs", "3", "--kv-type", "f32");
  assert(logprobs);
  assertEquals(logprobs.map(({ id }) => id), ids);
  const scored = (await model.score([1, 2, 3, ...ids])).logprobs.slice(2);
  logprobs.forEach(({ id, text, logprob, top }, i) => {
    assertEquals(text, model.tokenizer.decode([id]));
    assert(Math.abs(logprob - scored[i]) < F32_LOGPROB);
    assertEquals(top.length, 3);
    assertEquals(top.map((token) => token.logprob).sort((a, b) => b - a)[0], top[0].logprob);
    assert(logprob <= top[0].logprob);
    for (const token of top) assertEquals(token.text, model.tokenizer.decode([token.id]));
  });
  const none = await run(...words, "--logprobs", "0");
  assertEquals(none.logprobs?.map(({ top }) => top.length), Array(none.ids.length).fill(0));
  assertEquals("logprobs" in await run(...words), false);
});

Deno.test("aha run: penalties, bias, --min-tokens and --ignore-eos shape the answer", async () => {
  const greedy = ["--ids", "1,2,3", "--max-tokens", "40", "--temperature", "0"];
  const distinct = async (...words: string[]) => new Set((await run(...greedy, ...words)).ids).size;
  const plain = await distinct();
  const strong = [
    ["--repeat-penalty", "50", "--repeat-last", "all"],
    ["--presence-penalty", "2"],
    ["--frequency-penalty", "2"],
  ];
  for (const words of strong) assert(await distinct(...words) > plain, words.join(" "));
  assertEquals(await distinct("--repeat-penalty", "50", "--repeat-last", "0"), plain);
  const forced = await run(...greedy, "--logit-bias", "9=100", "--logit-bias", "7=-100");
  assertEquals(new Set(forced.ids), new Set([9]));
  const { error, code } = await runAha(["run", MODEL, ...greedy, "--logit-bias", "384=1"]);
  assertEquals([code, error.includes("logitBias has the token id 384")], [1, true]);

  await using model = await loadModel(MODEL);
  const prompt = prompts.find(({ greedy }) => greedy.some((id) => model.tokenizer.endIds.has(id)));
  assert(prompt);
  const end = prompt.greedy.findIndex((id) => model.tokenizer.endIds.has(id));
  const words = ["--ids", prompt.ids.join(","), "--temperature", "0", "--kv-type", "f32"];
  const on = await run(...words, "--max-tokens", `${prompt.greedy.length}`, "--ignore-eos");
  assertEquals([on.ids, on.finishReason], [prompt.greedy, "length"]);
  const later = await run(...words, "--max-tokens", `${end + 1}`, "--min-tokens", `${end + 1}`);
  assertEquals([later.ids.length, later.finishReason], [end + 1, "length"]);
});

Deno.test("aha run: text is streamed, --verbose adds figures on stderr", async () => {
  const words = ["run", MODEL, ...SAMPLED, "--seed", "3"];
  const { text } = await run(...SAMPLED, "--seed", "3");
  const plain = await ahaProcess([...words, "--verbose"]);
  assertEquals([plain.code, plain.out], [0, text.endsWith("\n") ? text : `${text}\n`]);
  assertMatch(
    plain.error,
    /^\w+, \d+ threads, loaded in \d+ ms\nprompt 3 tokens, .*\nanswer \d+ .*\ndrafts \d+ /,
  );
  assertMatch(plain.error, /^\w+, \d+ threads, loaded in \d+ ms\nprompt 3 tokens, .*\nanswer \d+ /);
  const many = await ahaProcess([...words, "--verbose", "--threads", "999"]);
  assertMatch(many.error, /^\w+, \d+ threads of 999 asked for, loaded in /);
  const json = checked(
    await ahaProcess([...words, "--json"]) as Captured,
  );
  assertEquals(json.text, text);
});

Deno.test("aha run --prompt-cache: saves where there is no file, reuses it, and saves a longer prompt", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "prompt.cache");
    const greedy = ["--temperature", "0", "--max-tokens", "5"];
    const cached = async (prompt: readonly number[]) => {
      const words = ["run", MODEL, "--ids", prompt.join(","), "--prompt-cache", path, ...greedy];
      const { code, out, error } = await runAha([...words, "--verbose", "--json"]);
      assertEquals(code, 0, error);
      return [/^prompt cache (.*)$/m.exec(error)?.[1], JSON.parse(out).ids];
    };
    const prompt = Array.from({ length: 100 }, (_, i) => (i * 17 + 2) % 380);
    const { ids } = await run("--ids", prompt.slice(0, 70).join(), ...greedy);
    assertEquals(
      (await cached(prompt.slice(0, 20)))[0],
      "0 of 20 tokens reused, nothing saved: a prompt under 32 tokens",
    );
    assertEquals(existsSync(path), false);
    assertEquals(await cached(prompt.slice(0, 70)), ["0 of 70 tokens reused, 64 saved", ids]);
    const written = readFileSync(path);
    assertEquals(await cached(prompt.slice(0, 70)), ["64 of 70 tokens reused", ids]);
    assertEquals((await cached(prompt.slice(0, 40)))[0], "39 of 40 tokens reused");
    assertEquals(readFileSync(path), written);
    assertEquals((await cached(prompt))[0], "64 of 100 tokens reused, 96 saved");
    assertEquals((await cached(prompt))[0], "96 of 100 tokens reused");
    const other = await runAha(["run", MODEL, "Hi", "--prompt-cache", path, "--kv-type", "f16"]);
    assertEquals(other.code, 1);
    assertMatch(
      other.error,
      /^aha: Cannot use prompt cache .*: it holds keys in f32, the model in f16; load the model with --kv-type f32 .*\n$/,
    );
    const own = await runAha(["run", MODEL, "Hi", "--prompt-cache", MODEL]);
    assertMatch(own.error, /: it is no prompt cache; name another file\n$/);
    assertEquals((await runAha(["run", MODEL, "Hi", "--prompt-cache", ""])).code, 2);
  });
});

Deno.test("aha run --prompt-cache: what cannot be written is said before the model is loaded", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "prompt.cache");
    symlinkSync(join(folder, "nowhere"), join(folder, "link"));
    const places = [
      [join(folder, "none", "a.cache"), "its folder does not exist"],
      [join(folder, "link"), "it is a link that leads nowhere"],
      [folder, "it is a directory"],
      ["/dev/null", "it is no file"],
    ];
    for (const [place, reason] of places) {
      const { code, error } = await runAha(["run", "no-model", "Hi", "--prompt-cache", place]);
      const advice = "name another file for --prompt-cache";
      assertEquals([code, error], [1, `aha: Cannot write ${place}: ${reason}; ${advice}\n`]);
    }
    const ids = (first: number, count: number) =>
      Array.from({ length: count }, (_, i) => (first + i * 7) % 380).join(",");
    const told = async (prompt: string) => {
      const words = ["--ids", prompt, "--prompt-cache", path, "--max-tokens", "1", "--verbose"];
      const { code, error } = await runAha(["run", MODEL, ...words]);
      assertEquals(code, 0, error);
      return /^prompt cache (.*)$/m.exec(error)?.[1];
    };
    writeFileSync(path, ""); // as `mktemp` leaves it
    assertEquals(await told(ids(3, 70)), "0 of 70 tokens reused, 64 saved");
    const kept = "0 of 40 tokens reused, not saved: the file's prompt of 64 is kept";
    assertEquals(await told(ids(200, 40)), kept);
    assertEquals(await told(ids(3, 70)), "64 of 70 tokens reused");
    chmodSync(path, 0o400);
    const unsaved = "64 of 100 tokens reused, nothing saved: the file can only be read";
    assertEquals(await told(ids(3, 100)), unsaved);
    chmodSync(path, 0o600);
  });
});

Deno.test("aha run --prompt-cache: two at once with the same new file both end well", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "prompt.cache");
    const prompt = Array.from({ length: 40 }, (_, i) => i).join(",");
    const words = ["run", MODEL, "--ids", prompt, "--prompt-cache", path, "--max-tokens", "1"];
    const both = await Promise.all([runAha(words), runAha(words)]);
    assertEquals(both.map(({ code }) => code), [0, 0], JSON.stringify(both));
    assertEquals(readdirSync(folder), ["prompt.cache"]);
  });
});
