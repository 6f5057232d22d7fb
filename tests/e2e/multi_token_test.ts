/** Multi-token prediction through the doors: files that lack a part of the layer, models without it, prompt caches, the command's figures. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { loadModel } from "../../packages/runtime/mod.ts";
import { BracketConstraint, type Brackets, isWhole } from "../support/bracket_constraint.ts";
import { runAha } from "../support/captured_io.ts";
import { type ModelSpec, withFolder, withTensor, writeModel } from "../support/edited_model.ts";
import { withKeys } from "../support/f32_model.ts";
import { assertFails, FAILED } from "../support/failing_command.ts";
import { fixturePath } from "../support/fixture.ts";
import { memorySink } from "../support/memory_sink.ts";
import { assertSameBytes } from "../support/same_bytes.ts";
import { foreseeingModel, multiTokenModel } from "../support/multi_token_model.ts";

const RANDOM = await multiTokenModel();
/** Number of the layer. */
const [LAYER] = RANDOM.tensors.flatMap(({ name }) => /^blk\.(\d+)\.nextn/.exec(name)?.[1] ?? []);
const PROMPT = Array.from({ length: 75 }, (_, i) => (i * i * 7 + i * 31 + 3) % 380);
/** In a model of so few layers it would not pay, and so stay in the file. */
const WITH_LAYER = { multiToken: true } as const;
const OPTIONS = { maxTokens: 40, temperature: 0.7, seed: 4, ignoreEnd: true } as const;

function without(pattern: RegExp, spec: ModelSpec = RANDOM): ModelSpec {
  return { ...spec, tensors: spec.tensors.filter(({ name }) => !pattern.test(name)) };
}

/** The model with its layer for multi-token prediction twice. */
const TWO: ModelSpec = {
  ...withKeys(RANDOM, {
    "deepseek2.nextn_predict_layers": 2,
    "deepseek2.block_count": Number(LAYER) + 2,
  }),
  tensors: RANDOM.tensors.flatMap((tensor) =>
    tensor.name.startsWith(`blk.${LAYER}.`)
      ? [tensor, { ...tensor, name: tensor.name.replace(LAYER, String(Number(LAYER) + 1)) }]
      : [tensor]
  ),
};

for (
  const part of [
    ...["nextn.eh_proj.weight", "nextn.enorm.weight", "nextn.hnorm.weight"],
    ...["attn_norm.weight", "attn_output.weight", "ffn_gate_inp.weight", "ffn_down_exps.weight"],
  ]
) {
  Deno.test(`bad file: a layer for multi-token prediction without ${part}`, () =>
    withFolder(async (folder) => {
      const name = `blk.${LAYER}.${part}`;
      const path = writeModel(folder, without(RegExp(RegExp.escape(name))));
      const words = ["run", path, "--ids", "1,2", "--max-tokens", "2", "--speculate", "mtp"];
      await assertFails(words, FAILED, `Tensor ${name} is missing`);
    }));
}

Deno.test("bad file: a projection of another shape, and more than one such layer", () =>
  withFolder(async (folder) => {
    const tensors = RANDOM.tensors.map((tensor) =>
      tensor.name.endsWith("eh_proj.weight") ? { ...tensor, dims: [64, 128] } : tensor
    );
    const words = (spec: ModelSpec) => {
      return ["run", writeModel(folder, spec), "--ids", "1,2", "--speculate", "mtp"];
    };
    const shape = `Tensor blk.${LAYER}.nextn.eh_proj.weight has the shape [64,128], the metadata`;
    await assertFails(words({ ...RANDOM, tensors }), FAILED, shape);
    await assertFails(words(TWO), FAILED, "A model with 2 layers for multi-token prediction");
  }));

Deno.test("multi-token prediction: without them, a file of two such layers is the model itself", () =>
  withFolder(async (folder) => {
    await using two = await loadModel(writeModel(folder, TWO), { multiToken: false });
    const itself = without(RegExp(`^blk\\.${LAYER}\\.`));
    const named = withKeys(itself, { "deepseek2.block_count": Number(LAYER) });
    await using one = await loadModel(writeModel(folder, named)); // names a layer, has none
    assertEquals(one.config, two.config);
    assertEquals(one.config.layers, Number(LAYER));
    const { ids } = await one.complete(PROMPT, OPTIONS);
    assertEquals((await two.complete(PROMPT, OPTIONS)).ids, ids);
  }));

Deno.test("multi-token prediction: a file whose count leaves the layer out is the same model", () =>
  withFolder(async (folder) => {
    await using one = await loadModel(writeModel(folder, RANDOM), WITH_LAYER);
    const uncounted = withKeys(RANDOM, { "deepseek2.block_count": Number(LAYER) });
    await using other = await loadModel(writeModel(folder, uncounted), WITH_LAYER);
    assertEquals(other.config, one.config);
    assertEquals([one.config.layers, one.config.nextLayers], [Number(LAYER), 1]);
    const [answer, again] = [
      await one.complete(PROMPT, OPTIONS),
      await other.complete(PROMPT, OPTIONS),
    ];
    assertEquals(again.ids, answer.ids);
  }));

Deno.test("multi-token prediction: a model whose layer is left out, or not in the file, answers the same", () =>
  withFolder(async (folder) => {
    const path = writeModel(folder, RANDOM);
    await using model = await loadModel(path, WITH_LAYER);
    await using less = await loadModel(path, { multiToken: false });
    await using usual = await loadModel(path);
    const stripped = without(RegExp(`^blk\\.${LAYER}\\.`));
    await using none = await loadModel(writeModel(folder, stripped));
    assert(less.memoryBytes <= model.memoryBytes);
    const { ids } = await model.complete(PROMPT, { ...OPTIONS, speculation: "mtp" });
    for (const other of [less, usual, none]) {
      assertEquals(other.config.nextLayers, undefined);
      assertEquals((await other.complete(PROMPT, OPTIONS)).ids, ids);
      await assertRejects(
        () => other.complete(PROMPT, { ...OPTIONS, speculation: "mtp" }),
        Error,
        "speculation is mtp, but the model has no layer for multi-token prediction",
      );
    }
    await assertRejects(
      () => loadModel(path, { multiToken: "no" as unknown as boolean }),
      TypeError,
      'multiToken is "no", it must be true or false',
    );
  }));

Deno.test("multi-token prediction: a layer whose gate overflows guesses nothing, and the model answers the same", () =>
  withFolder(async (folder) => {
    const gate = `blk.${LAYER}.ffn_gate_inp.weight`;
    const spec = withTensor(RANDOM, gate, (tensor) => {
      const data = new Float32Array((tensor.data?.length ?? 0) / 4).fill(3.3e38);
      return { ...tensor, data: new Uint8Array(data.buffer) };
    });
    await using model = await loadModel(writeModel(folder, spec), WITH_LAYER);
    await using none = await loadModel(writeModel(folder, RANDOM), { multiToken: false });
    const { ids, timings } = await model.complete(PROMPT, { ...OPTIONS, speculation: "mtp" });
    assertEquals(timings.draftedTokens, 0);
    assertEquals(ids, (await none.complete(PROMPT, OPTIONS)).ids);
  }));

Deno.test("multi-token prediction: a restored prompt cache gives the answer of a fresh prompt", () =>
  withFolder(async (folder) => {
    const path = writeModel(folder, await foreseeingModel(0.2));
    const told = async (model: Awaited<ReturnType<typeof loadModel>>) => {
      const { ids, logprobs, timings, usage } = await model.complete(PROMPT, {
        ...OPTIONS,
        speculation: "mtp",
      });
      assert(timings.acceptedTokens > 0);
      return { ids, logprobs, cached: usage.cachedPromptTokens };
    };
    await using first = await loadModel(path, WITH_LAYER);
    const fresh = await told(first);
    const [sink, again] = [memorySink(), memorySink()];
    await first.savePromptCache(PROMPT, sink);
    await using second = await loadModel(path, WITH_LAYER);
    assertEquals((await second.restorePromptCache(sink.blob())).restoredTokens, 64);
    // the key of the last token of a page is made of the token after it too, so that token is fed again
    assertEquals(await told(second), { ...fresh, cached: 63 });
    await second.savePromptCache(PROMPT, again);
    assertSameBytes(await again.blob().bytes(), await sink.blob().bytes());
  }));

Deno.test("aha run --speculate: the ways give the same answer and tell what was right", () =>
  withFolder(async (folder) => {
    const path = writeModel(folder, await foreseeingModel(0.1));
    const run = async (way: string, more: readonly string[]) => {
      const words = ["run", path, "--ids", "1,5,6", "--max-tokens", "40", "--temperature", "0"];
      const { code, out, error } = await runAha([...words, "--speculate", way, ...more]);
      assertEquals(code, 0, error);
      return { out, error };
    };
    const texts: string[] = [];
    for (const way of ["auto", "mtp", "lookup", "off"]) {
      const { ids, timings } = JSON.parse((await run(way, ["--json"])).out);
      texts.push(ids.join());
      if (way === "mtp") {
        assert(timings.acceptedTokens > 0);
        const { error } = await run(way, ["--verbose"]);
        const { draftedTokens: drafted, acceptedTokens: right } = timings;
        const percent = Math.round(100 * right / drafted);
        assert(
          error.includes(`drafts ${drafted} tokens, ${right} of them right (${percent} %)`),
          error,
        );
      }
    }
    assertEquals(new Set(texts).size, 1);
    const words = ["run", fixturePath("models/llama_untied/gguf/model-F32.gguf"), "--ids", "1,2"];
    const missing = "the model has no layer for multi-token prediction";
    await assertFails([...words, "--speculate", "mtp"], FAILED, missing);
  }));

Deno.test("aha inspect: layers that guess are told apart, and latents are", () =>
  withFolder(async (folder) => {
    const path = writeModel(folder, RANDOM);
    const { nextLayers, layers } = JSON.parse((await runAha(["inspect", path, "--json"])).out);
    assertEquals([layers, nextLayers], [Number(LAYER), 1]);
    const { out } = await runAha(["inspect", path]);
    assertMatch(out, /\d layers and 1 for multi-token prediction, .* heads over latents of \d+\n/);
  }));

Deno.test("multi-token prediction: a constrained answer is the same with the layer as without, also where tokens are drawn again", () =>
  withFolder(async (folder) => {
    const path = writeModel(folder, RANDOM);
    const brackets: Brackets = { open: 40, deep: 41, item: 300, close: 31 };
    const answers = async (multiToken: boolean) => {
      await using model = await loadModel(path, { multiToken, kvType: "f32" });
      const options = { ...OPTIONS, temperature: 3, topP: 1 };
      const run = async (maxTokens: number) => {
        const constraint = new BracketConstraint(brackets, model.config.vocabulary);
        const { ids, logprobs } = await model.complete(PROMPT, {
          ...options,
          maxTokens,
          constraint,
        });
        assertEquals(isWhole(ids, brackets), true);
        return { ids, logprobs };
      };
      return await Promise.all([7, 8, 9, 20, 21].map(run));
    };
    assertEquals(await answers(true), await answers(false));
  }));
