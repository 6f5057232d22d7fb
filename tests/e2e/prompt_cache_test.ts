/** Prompt caches through the library: same bits as a fresh prompt, refusals, damage, room, files. The command is in run_command_test.ts. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type Completion,
  loadModel,
  type LoadOptions,
  type Model,
  OutputError,
  PromptCacheError,
  SourceError,
} from "../../packages/runtime/mod.ts";
import { modelSpec, patched, withFolder, withTensor, writeModel } from "../support/edited_model.ts";
import { fixturePath } from "../support/fixture.ts";
import { memorySink } from "../support/memory_sink.ts";
import { seededRandom } from "../support/seeded_random.ts";

const MODEL = fixturePath("models/llama_untied/gguf/model-F32.gguf");
/** Heads of 64 numbers. */
const BLOCK_MODEL = fixturePath("models/llama_k256/gguf/model-Q4_K_M.gguf");
const PROMPT = Array.from({ length: 75 }, (_, i) => (i * i * 7 + i * 31 + 3) % 380);
const OPTIONS = { maxTokens: 6, temperature: 1, seed: 4, topLogprobs: 3, ignoreEnd: true };

async function saved(model: Model, prompt: readonly number[] = PROMPT): Promise<Blob> {
  const sink = memorySink();
  const { savedTokens, sizeBytes } = await model.savePromptCache(prompt, sink);
  const blob = sink.blob();
  assertEquals([savedTokens, sizeBytes], [prompt.length - prompt.length % 32, blob.size]);
  return blob;
}

/** What an answer says, apart from its times. */
function told({ ids, logprobs, alternatives, text }: Completion): unknown {
  return { ids, logprobs, alternatives, text };
}

async function cachedTokens(model: Model, prompt: readonly number[] = PROMPT): Promise<number> {
  const { usage } = await model.complete(prompt, { maxTokens: 1, temperature: 0 });
  return usage.cachedPromptTokens;
}

for (const kvType of ["f32", "f16", "q8_0"] as const) {
  Deno.test(`prompt cache: a restored prompt gives the bits of a fresh one, keys in ${kvType}`, async () => {
    const load = () => loadModel(BLOCK_MODEL, { kvType });
    await using first = await load();
    const fresh = await first.complete(PROMPT, OPTIONS);
    const blob = await saved(first);
    await using second = await load();
    const { ids, restoredTokens } = await second.restorePromptCache(blob);
    assertEquals([ids, restoredTokens], [PROMPT.slice(0, 64), 64]);
    const again = await second.complete(PROMPT, OPTIONS);
    assertEquals(told(again), told(fresh));
    assertEquals([fresh.usage.cachedPromptTokens, again.usage.cachedPromptTokens], [0, 64]);
    // Saving what was restored, by another model and beside answers, gives the same file.
    const beside = second.complete(PROMPT.slice(0, 40), { ...OPTIONS, maxTokens: 40 });
    assertEquals(await (await saved(second)).bytes(), await blob.bytes());
    await beside;
    const longer = [...PROMPT.slice(0, 64), ...PROMPT];
    const other = await second.complete(longer, OPTIONS);
    assertEquals(
      told(other),
      told(await first.complete(longer, { ...OPTIONS, reusePrefix: false })),
    );
  });
}

Deno.test("prompt cache: another model, kvType, build or a file of something else is refused", async () => {
  await using model = await loadModel(MODEL, { kvType: "f32" });
  const blob = await saved(model);
  const refused = async (where: string, options: LoadOptions, reason: string) => {
    await using other = await loadModel(where, options);
    await assertRejects(() => other.restorePromptCache(blob), PromptCacheError, reason);
    assertEquals(await cachedTokens(other), 0);
  };
  const tied = fixturePath("models/llama_tied_llama3rope/gguf/model-F16.gguf");
  await refused(tied, { kvType: "f32" }, "it was made with another model");
  await refused(MODEL, { kvType: "f16" }, "it holds keys in f32, the model in f16");
  await refused(MODEL, { kvType: "f32", variant: "simd_threads" }, "not by simd_threads");
  const spec = await modelSpec("models/llama_untied/gguf/model-F32.gguf");
  const tensors = spec.tensors.map((tensor, i) => i === 5 ? patched(tensor, 8, [1]) : tensor);
  await withFolder(async (folder) => {
    const embedding = withTensor(spec, "token_embd.weight", (tensor) => {
      const middle = Math.floor((tensor.data?.length ?? 0) / 8) * 4;
      return patched(tensor, middle, [1]);
    });
    await refused(
      writeModel(folder, embedding),
      { kvType: "f32" },
      "it was made with another model",
    );
    const path = writeModel(folder, { ...spec, tensors }); // same sizes and formats, other weights
    await refused(path, { kvType: "f32" }, "it was made with another model");
    copyFileSync(MODEL, path); // the same model elsewhere
    await using copy = await loadModel(path, { kvType: "f32" });
    assertEquals((await copy.restorePromptCache(blob)).restoredTokens, 64);
  });
  for (const other of [new Blob([readFileSync(MODEL)]), new Blob(["AHA"]), new Blob([])]) {
    await assertRejects(() => model.restorePromptCache(other), PromptCacheError, "no prompt cache");
  }
  await assertRejects(() => model.restorePromptCache("/nowhere/a.cache"), SourceError, "no such");
});

Deno.test("prompt cache: cut, flipped and hostile files are one line of refusal and change nothing", async () => {
  await using model = await loadModel(MODEL);
  const sound = await (await saved(model)).bytes();
  await using other = await loadModel(MODEL);
  const random = seededRandom(5);
  for (let i = 0; i < 300; i++) {
    let bytes = sound.slice();
    if (i % 3 === 0) bytes = bytes.slice(0, random(sound.length));
    else if (i % 3 === 1) bytes[random(i < 150 ? 160 : sound.length)] ^= 1 << random(8);
    else bytes = new Uint8Array(await new Blob([bytes, new Uint8Array(1 + random(99))]).bytes());
    const restore = () => other.restorePromptCache(new Blob([bytes]));
    const error = await assertRejects(restore, PromptCacheError, "Cannot use prompt cache Blob: ");
    assert(!error.message.includes("\n"));
  }
  assertEquals(await cachedTokens(other), 0);
  const file = new Blob([sound]);
  await assertRejects(
    () => other.restorePromptCache(file, { signal: AbortSignal.abort(new TypeError("stop")) }),
    TypeError,
    "stop",
  );
  assertEquals((await other.restorePromptCache(file)).restoredTokens, 64);
});

Deno.test("prompt cache: a file with a token outside of the vocabulary is refused", async () => {
  await using model = await loadModel(MODEL);
  const bytes = await (await saved(model)).bytes();
  new DataView(bytes.buffer).setUint32(96, 1 << 20, true);
  const page = (bytes.length - 96 - 4 * 64 - 32) / 2;
  const parts = [
    bytes.subarray(0, 352),
    bytes.subarray(352, 352 + page),
    bytes.subarray(352 + page, -32),
  ];
  const hash = async (part: BufferSource) => await crypto.subtle.digest("SHA-256", part);
  const digests = await Promise.all(parts.map((part) => hash(new Uint8Array(part))));
  bytes.set(new Uint8Array(await hash(await new Blob(digests).arrayBuffer())), bytes.length - 32);
  await using other = await loadModel(MODEL);
  await assertRejects(() => other.restorePromptCache(new Blob([bytes])), RangeError, "id 1048576");
  assertEquals(await cachedTokens(other), 0);
});

Deno.test("prompt cache: a smaller cache takes the beginning, older sequences make way, running ones stay", async () => {
  await using large = await loadModel(MODEL);
  const prompt = Array.from({ length: 160 }, (_, i) => (i * 13 + 5) % 380);
  const blob = await saved(large, prompt);
  await using small = await loadModel(MODEL, { contextTokens: 128 });
  await cachedTokens(small, PROMPT);
  const first = await small.restorePromptCache(blob);
  assertEquals([first.ids.length, first.restoredTokens], [160, 128]);
  const alone = await large.complete(prompt.slice(0, 100), OPTIONS);
  const reused = await small.complete(prompt.slice(0, 100), OPTIONS);
  assertEquals([told(reused), reused.usage.cachedPromptTokens], [told(alone), 96]);
  // Beside an answer, which takes back by and by what was restored meanwhile.
  const messages = [{ role: "user", content: "Why is the sky blue?" }];
  const long = { ...OPTIONS, maxTokens: 60 };
  const promptIds = large.chatIds(messages);
  const wanted = await large.complete(promptIds, long);
  await using busy = await loadModel(MODEL, { contextTokens: 128 });
  const ids: number[] = [];
  let restored: number | undefined;
  for await (const event of busy.chat(messages, long)) {
    // Its reader is here, so it holds the pages of its prompt and nothing more while these are restored.
    restored ??= (await busy.restorePromptCache(blob)).restoredTokens;
    if (event.type !== "end") ids.push(...event.ids);
  }
  assertEquals(restored, 128 - 32 * Math.ceil(promptIds.length / 32));
  assertEquals(ids, wanted.ids);
});

Deno.test("prompt cache: files appear whole, are not replaced unasked, and never replace the model", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "prompt.cache");
    await using model = await loadModel(MODEL);
    await model.savePromptCache(PROMPT, path);
    const before = readFileSync(path);
    await assertRejects(() => model.savePromptCache(PROMPT, path), OutputError, "exists already");
    await model.savePromptCache(PROMPT.slice(0, 40), path, { overwrite: true });
    assert(readFileSync(path).length < before.length);
    assertEquals((await model.restorePromptCache(path)).ids, PROMPT.slice(0, 32));
    const aborted = { overwrite: true, signal: AbortSignal.abort(new TypeError("stop")) };
    await assertRejects(() => model.savePromptCache(PROMPT, path, aborted), TypeError, "stop");
    const full = { write: () => Promise.reject(new OutputError("the disk is full", "x")) };
    await assertRejects(() => model.savePromptCache(PROMPT, full), OutputError, "disk is full");
    assertEquals(readdirSync(folder), ["prompt.cache"]);
    const own = join(folder, "model.gguf");
    copyFileSync(MODEL, own);
    await using other = await loadModel(own);
    const onto = () => other.savePromptCache(PROMPT, own, { overwrite: true });
    await assertRejects(onto, OutputError, "it is read for what would be written");
    await assertRejects(() => model.savePromptCache([1, 2], path), RangeError, "too short");
    for (const id of [-1, 1.5, 1 << 20]) {
      const ids = [...Array.from({ length: 32 }, (_, i) => i), id]; // after the last whole page
      await assertRejects(() => model.savePromptCache(ids, path), RangeError, `id ${id}`);
    }
    writeFileSync(path, "text");
    await assertRejects(() => model.restorePromptCache(path), PromptCacheError, "no prompt cache");
    assertEquals(readFileSync(own), readFileSync(MODEL));
  });
});

Deno.test("prompt cache: closing the model ends a save that runs, wrong arguments are one line", async () => {
  await using model = await loadModel(MODEL);
  const wrong = (bytes: unknown) => model.restorePromptCache(bytes as Blob);
  await assertRejects(() => wrong(new Uint8Array(9)), TypeError, "wrap the bytes in a Blob");
  const nowhere = () => model.savePromptCache(PROMPT, null as unknown as string);
  await assertRejects(nowhere, TypeError, "not to null");
  let parts = 0;
  const sink = { write: async () => void (parts++ === 0 && await model.close()) };
  await assertRejects(() => model.savePromptCache(PROMPT, sink), TypeError, "The model is closed");
  assertEquals(parts, 1);
});
