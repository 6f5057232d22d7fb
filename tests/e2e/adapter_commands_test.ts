/** `--lora` and `--adapter` of the commands: what they print is what the library says of the same adapters. */
import { assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type AdapterChoice, loadModel } from "../../packages/runtime/mod.ts";
import { runAha } from "../support/captured_io.ts";
import { withFolder } from "../support/edited_model.ts";
import { fixturePath } from "../support/fixture.ts";
import { adapterFile, configOf, madeAdapter } from "../support/made_adapters.ts";

const MODEL = fixturePath("models/qwen2/gguf/model-Q8_0.gguf");
const IDS = Array.from({ length: 40 }, (_, i) => (i * i * 7 + i * 31 + 3) % 380);
const DRAWS = ["--max-tokens", "12", "--seed", "4", "--temperature", "0.9", "--ignore-eos"];
const OPTIONS = { maxTokens: 12, seed: 4, temperature: 0.9, ignoreEnd: true };

/** Files of two adapters, and the words that name them. */
async function withAdapters(
  run: (words: readonly string[], files: readonly string[], folder: string) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    const config = await configOf(MODEL);
    const files: string[] = [];
    for (const [seed, name] of ["one", "two"].entries()) {
      const path = join(folder, `${name}.gguf`);
      writeFileSync(path, await (await adapterFile(config, madeAdapter(config, seed + 1))).bytes());
      files.push(path);
    }
    await run(["--lora", files[0], "--lora", `other=${files[1]}:0.5`], files, folder);
  });
}

async function printed(words: readonly string[], stdin?: string): Promise<string> {
  const { code, out, error } = await runAha(words, stdin);
  assertEquals([code, error], [0, ""], words.join(" "));
  return out;
}

Deno.test("aha run, aha score: all adapters of --lora apply, or those that --adapter names", () =>
  withAdapters(async (words, [one, two]) => {
    await using model = await loadModel(MODEL, {
      lora: [{ from: one, isDefault: true }, { from: two, name: "other", scale: 0.5 }],
    });
    const cases: [string[], AdapterChoice][] = [
      [[], [{ name: "one" }, { name: "other" }]],
      [["--adapter", "one,other"], [{ name: "one" }, { name: "other" }]],
      [["--adapter", "other"], "other"],
      [["--adapter", "none"], null],
    ];
    const seen = new Set<string>();
    for (const [more, adapter] of cases) {
      const run = ["run", MODEL, "--ids", IDS.join(), ...DRAWS, ...words, ...more, "--json"];
      const { ids } = JSON.parse(await printed(run));
      assertEquals(ids, (await model.complete(IDS, { ...OPTIONS, adapter })).ids);
      await withFolder(async (folder) => {
        const file = join(folder, "ids.json");
        writeFileSync(file, JSON.stringify([IDS]));
        const { sequences: [{ logprobs }] } = JSON.parse(
          await printed(["score", MODEL, "--ids", file, ...words, ...more]),
        );
        assertEquals(logprobs, (await model.score(IDS, { adapter })).logprobs);
        seen.add(String(logprobs));
      });
    }
    assertEquals(seen.size, 3);
  }));

Deno.test("aha run: a prompt cache is used with its adapters alone", () =>
  withAdapters(async (words, _files, folder) => {
    const file = join(folder, "prompt.cache");
    const run = ["run", MODEL, "--ids", IDS.join(), ...DRAWS, "--json", "--prompt-cache", file];
    const first = JSON.parse(await printed([...run, ...words]));
    assertEquals(JSON.parse(await printed([...run, ...words])).ids, first.ids);
    const { code, error } = await runAha(run);
    assertEquals(code, 1);
    assertStringIncludes(error, "it was made with another model");
  }));

Deno.test("aha chat: --lora applies, /set adapter changes it, a wrong one is said and changes nothing", () =>
  withAdapters(async (words) => {
    const lines = ["Hi", "/reset", "/set adapter none", "Hi", "/reset", "/set adapter x", "Hi"];
    const { code, out, error } = await runAha(
      ["chat", MODEL, ...DRAWS, ...words],
      lines.join("\n"),
    );
    assertEquals(code, 0, error);
    const [own, none, again] = out.trimEnd().split("\n").filter((line) => line !== "");
    assertNotEquals(own, none);
    assertEquals(again, none);
    assertStringIncludes(error, '/set adapter "x" is not allowed; give one, other or none');
    const plain = await runAha(["chat", MODEL, ...DRAWS], "Hi");
    assertEquals(plain.out.trimEnd(), none);
  }));
