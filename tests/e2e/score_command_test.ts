/** `aha score` against the reference logits of a fixture: log-probabilities, perplexity, the logits file. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Captured, runAha } from "../support/captured_io.ts";
import { withFolder } from "../support/edited_model.ts";
import { fixtureJson, fixturePath } from "../support/fixture.ts";
import { readSafetensors } from "../support/safetensors.ts";
import { F32_LOGPROB, F32_NMSE, logSoftmax, nmse } from "../support/tolerance.ts";

const FOLDER = "models/llama_untied";
const MODEL = fixturePath(`${FOLDER}/gguf/model-F32.gguf`);
const { prompts } = fixtureJson<
  { prompts: readonly { readonly name: string; readonly ids: readonly number[] }[] }
>(`${FOLDER}/expected.json`);
const references = readSafetensors(fixturePath(`${FOLDER}/logits.safetensors`));
const VOCABULARY = 384;

interface ScoreJson {
  readonly sequences: readonly {
    readonly ids: readonly number[];
    readonly logprobs: readonly number[];
    readonly meanNll: number;
  }[];
  readonly perplexity: number;
}

function checked({ code, out, error }: Captured): ScoreJson {
  assertEquals([code, error], [0, ""]);
  return JSON.parse(out);
}

/** Scores sequences given in a file, with more words; `folder` may be looked at afterwards. */
async function score(
  folder: string,
  sequences: readonly (readonly number[])[],
  ...words: string[]
): Promise<ScoreJson> {
  const file = join(folder, "ids.json");
  writeFileSync(file, JSON.stringify(sequences));
  return checked(await runAha(["score", MODEL, "--ids", file, ...words]));
}

const SEQUENCES = prompts.map(({ ids }) => ids);

Deno.test("aha score: exactly the fields of the contract", async () => {
  await withFolder(async (folder) => {
    for (const words of [[], ["--json"]]) {
      const json = await score(folder, [[1, 2, 3], [4], []], ...words);
      assertEquals(Object.keys(json), ["sequences", "perplexity"]);
      for (const sequence of json.sequences) {
        assertEquals(Object.keys(sequence), ["ids", "logprobs", "meanNll"]);
      }
      assertEquals(json.sequences.map(({ ids }) => ids), [[1, 2, 3], [4], []]);
      assertEquals(json.sequences.map(({ logprobs }) => logprobs.length), [2, 0, 0]);
      assertEquals(json.sequences.slice(1).map(({ meanNll }) => meanNll), [0, 0]);
    }
  });
});

Deno.test("aha score: log-probabilities are log-softmax of the reference logits", async () => {
  await withFolder(async (folder) => {
    const { sequences } = await score(folder, SEQUENCES);
    prompts.forEach(({ name, ids }, i) => {
      const { values } = references.get(name)!;
      const rows = ids.slice(1).map((id, t) =>
        logSoftmax(values.subarray(t * VOCABULARY, (t + 1) * VOCABULARY))[id]
      );
      const { logprobs, meanNll } = sequences[i];
      assertEquals(logprobs.length, rows.length);
      rows.forEach((value, t) =>
        assertAlmostEquals(logprobs[t], value, F32_LOGPROB, `${name}, token ${t + 1}`)
      );
      const mean = rows.length > 0 ? -rows.reduce((a, b) => a + b) / rows.length : 0;
      assertAlmostEquals(meanNll, mean, F32_LOGPROB, name);
    });
  });
});

Deno.test("aha score: perplexity is e to the mean NLL over all scored tokens", async () => {
  await withFolder(async (folder) => {
    const { sequences, perplexity } = await score(folder, SEQUENCES);
    const all = sequences.flatMap(({ logprobs }) => logprobs);
    const mean = -all.reduce((a, b) => a + b) / all.length;
    assertAlmostEquals(perplexity, Math.exp(mean), perplexity * 1e-12);
    // sequences of different lengths weigh by their tokens, not as one each
    const unweighted = sequences.reduce((sum, { meanNll }) => sum + meanNll, 0) / sequences.length;
    assert(Math.abs(perplexity / Math.exp(unweighted) - 1) > 1e-3);
    assertEquals((await score(folder, [[1]])).perplexity, 1);
  });
});

Deno.test("aha score --logits: a safetensors file with the reference's logits", async () => {
  await withFolder(async (folder) => {
    const out = join(folder, "out.safetensors");
    const plain = await score(folder, SEQUENCES);
    assertEquals(await score(folder, SEQUENCES, "--logits", out), plain);
    const written = readSafetensors(out);
    assertEquals([...written.keys()], prompts.map((_, i) => `logits.${i}`));
    prompts.forEach(({ name, ids }, i) => {
      const { shape, values } = written.get(`logits.${i}`)!;
      assertEquals(shape, [ids.length, VOCABULARY]);
      const error = nmse(values, references.get(name)!.values);
      assert(error <= F32_NMSE, `${name}: NMSE ${error}`);
    });
    assertEquals(readdirSync(folder).sort(), ["ids.json", "out.safetensors"]);
  });
});

Deno.test("aha score: longer than a chunk, the numbers stay those of the shorter text", async () => {
  await withFolder(async (folder) => {
    const long = Array.from({ length: 300 }, (_, i) => (i * i * 7 + i * 31) % VOCABULARY);
    const out = join(folder, "out.safetensors");
    const json = await score(folder, [long, long.slice(0, 200)], "--logits", out);
    assertEquals(json.sequences[0].logprobs.slice(0, 199), json.sequences[1].logprobs);
    const { shape, values } = readSafetensors(out).get("logits.0")!;
    assertEquals(shape, [300, VOCABULARY]);
    for (const t of [0, 255, 256, 298]) {
      const row = logSoftmax(values.subarray(t * VOCABULARY, (t + 1) * VOCABULARY));
      assertAlmostEquals(json.sequences[0].logprobs[t], row[long[t + 1]], F32_LOGPROB);
    }
  });
});

Deno.test("aha score --text: a file and stdin, as the prompt of complete", async () => {
  await withFolder(async (folder) => {
    const file = join(folder, "text.txt");
    writeFileSync(file, "The answer is 42.");
    const words = ["score", MODEL, "--text"];
    const fromFile = checked(await runAha([...words, file]));
    assertEquals(checked(await runAha([...words, "-"], "The answer is 42.")), fromFile);
    const [{ ids }] = fromFile.sequences;
    assertEquals(await score(folder, [ids]), fromFile);
    const prompt = await runAha([
      "run",
      MODEL,
      "--raw",
      "The answer is 42.",
      "--max-tokens=0",
      "--json",
    ]);
    assertEquals(JSON.parse(prompt.out).promptIds, ids);
  });
});

Deno.test("aha score --kv-type: f16 differs a little, auto and none are f32", async () => {
  await withFolder(async (folder) => {
    const of = async (...words: string[]) =>
      (await score(folder, SEQUENCES, ...words)).sequences.flatMap(({ logprobs }) => logprobs);
    const f32 = await of();
    assertEquals(await of("--kv-type", "auto"), f32);
    assertEquals(await of("--kv-type", "f32"), f32);
    const f16 = await of("--kv-type", "f16");
    const furthest = Math.max(...f16.map((value, i) => Math.abs(value - f32[i])));
    assert(furthest > 0 && furthest < 0.1, `${furthest}`);
  });
});
