/** Mixtures of experts and latent attention: what routing.json says, forced experts, both forms of attention, and models
 * whose only oracle is the float64 twin. Logits of fixtures as such stand in logits_test. */
import { assert, assertEquals } from "@std/assert";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { convertCheckpoint, openFolder } from "../../packages/runtime/src/convert/mod.ts";
import { openFileSink } from "../../packages/runtime/src/gguf/mod.ts";
import type { LatentForm } from "../../packages/runtime/src/model/config/latent_config.ts";
import { type ModelSpec, withFolder, writeModel } from "../support/edited_model.ts";
import {
  f32Model,
  groupedV2Model,
  oddV3Model,
  olmoeModel,
  yarnLlamaModel,
} from "../support/f32_model.ts";
import { fixtureJson, fixturePath } from "../support/fixture.ts";
import { FixtureModel } from "../support/fixture_model.ts";
import type { TokenChoice } from "../support/float64/mixture.ts";
import { Float64Twin, type Forced } from "../support/float64/model.ts";
import { readPlainModel } from "../support/float64/weights.ts";
import { readSafetensors } from "../support/safetensors.ts";
import { F32_NMSE, FORCED_NMSE, nmse, ROUTED_WEIGHT } from "../support/tolerance.ts";

interface Expected {
  readonly prompts: readonly { readonly name: string; readonly ids: readonly number[] }[];
}
interface LayerRouting {
  readonly experts: readonly (readonly number[])[];
  readonly weights: readonly (readonly number[])[];
}

function promptsOf(model: string): Expected["prompts"] {
  return fixtureJson<Expected>(`models/${model}/expected.json`).prompts;
}

/** Logits, and of each layer the experts and weights of each token. */
async function routed(
  open: FixtureModel,
  ids: readonly number[],
  forced?: Forced,
): Promise<{ logits: Float32Array; routing: Map<number, TokenChoice[]> }> {
  const { ops } = open.backend;
  const seen: [number, number, Promise<Int32Array>, Promise<Float32Array>][] = [];
  const logits = await open.logits(ids, true, {
    routing: (layer, { used, experts, weights }) =>
      seen.push([layer, used, ops.readInts(experts), ops.read(weights)]),
    forcedExperts: (layer) => forced && Int32Array.from(forced.get(layer)?.flat() ?? []),
  });
  const routing = new Map<number, TokenChoice[]>();
  for (const [layer, used, experts, weights] of seen) {
    const [own, shares] = [[...await experts], [...await weights]];
    const part = (values: number[], row: number) => values.slice(row * used, (row + 1) * used);
    const tokens = ids.map((_, row) => ({ experts: part(own, row), weights: part(shares, row) }));
    routing.set(layer, tokens);
  }
  return { logits, routing };
}

/** Logits of a sequence that is fed 7 tokens at a time. */
async function inChunks(open: FixtureModel, ids: readonly number[]): Promise<Float32Array> {
  const cache = open.cache();
  const sequence = cache.create();
  const parts: number[] = [];
  for (let start = 0; start < ids.length; start += 7) {
    const [part] = await open.feed(cache, [{ sequence, ids: ids.slice(start, start + 7) }]);
    for (const value of part) parts.push(value);
  }
  cache.clear();
  return Float32Array.from(parts);
}

function assertRouting(
  actual: ReadonlyMap<number, readonly TokenChoice[]>,
  layer: number,
  { experts, weights }: LayerRouting,
  name: string,
): void {
  const tokens = actual.get(layer) ?? [];
  assertEquals(tokens.map((token) => token.experts), experts, `${name}, layer ${layer}`);
  tokens.forEach((token, row) =>
    token.weights.forEach((weight, i) => {
      const error = Math.abs(weight - weights[row][i]);
      assert(error <= ROUTED_WEIGHT, `${name}, layer ${layer}, token ${row}: off by ${error}`);
    })
  );
}

/** Compares what a model chooses with its routing.json. */
async function checkRouting(open: FixtureModel, model: string): Promise<void> {
  const expected = fixtureJson<Record<string, Record<string, LayerRouting>>>(
    `models/${model}/routing.json`,
  );
  for (const { name, ids } of promptsOf(model)) {
    const { routing } = await routed(open, ids);
    assertEquals([...routing.keys()].map(String), Object.keys(expected[name]));
    for (const [layer, tokens] of Object.entries(expected[name])) {
      assertRouting(routing, Number(layer), tokens, name);
    }
  }
}

const EXACT = [
  "deepseek_v3/gguf/model-F32",
  "deepseek_v2_lite/gguf/model-F32",
  "deepseek_v2_lite/gguf/model-F32-legacy",
  "deepseek_v3_noqlora/gguf/model-F32",
].filter((file) => existsSync(fixturePath(`models/${file}.gguf`)));

for (const file of EXACT) {
  const [model] = file.split("/");
  Deno.test(`${file}: experts are those of routing.json, weights agree`, async () => {
    await using open = await FixtureModel.open(fixturePath(`models/${file}.gguf`));
    await checkRouting(open, model);
  });

  Deno.test(`${file}: the naive form agrees with the absorbed one, cached, in chunks or not`, async () => {
    const path = fixturePath(`models/${file}.gguf`);
    await using absorbed = await FixtureModel.open(path);
    await using naive = await FixtureModel.open(path, { latentForm: "naive" });
    assertEquals([absorbed, naive].map(({ model }) => model.kvShape("f32").valueSize > 0), [
      false,
      true,
    ]);
    const errors: number[] = [];
    for (const { name, ids } of promptsOf(model)) {
      const logits = await naive.logits(ids);
      const error = nmse(logits, await absorbed.logits(ids));
      assert(error <= F32_NMSE, `${name}: NMSE ${error}`);
      errors.push(error);
      assertEquals(await naive.logits(ids, false), logits);
      assertEquals(await inChunks(naive, ids), logits);
    }
    // Other sums in another order: equal bits would mean that both ran the same form.
    assert(errors.some((error) => error > 0));
  });
}

const FOLDERS = ["deepseek_v2_group", "qwen3_moe", "olmoe"]
  .filter((model) => existsSync(fixturePath(`models/${model}/hf/model.safetensors`)));

for (const model of FOLDERS) {
  Deno.test(`${model} converted: experts are those of routing.json, weights agree`, async () => {
    await withFolder(async (folder) => {
      const path = join(folder, "model.gguf");
      const sink = await openFileSink(path);
      const source = await openFolder(fixturePath(`models/${model}/hf`));
      await convertCheckpoint(source, sink, { type: "F32" });
      sink.commit();
      await using open = await FixtureModel.open(path);
      await checkRouting(open, model);
    });
  });
}

const FORMS = EXACT.filter((file) => file.startsWith("deepseek_v2_lite"));
if (FORMS.length > 1) {
  Deno.test("deepseek_v2_lite: one joint matrix gives the bits of two", async () => {
    const [split, joint] = FORMS.map((file) => fixturePath(`models/${file}.gguf`));
    for (const latentForm of ["absorbed", "naive"] as const) {
      await using one = await FixtureModel.open(split, { latentForm });
      await using other = await FixtureModel.open(joint, { latentForm });
      for (const { ids } of promptsOf("deepseek_v2_lite")) {
        assertEquals(await other.logits(ids), await one.logits(ids));
      }
    }
  });
}

const QUANTIZED = [
  ["deepseek_v3", "Q8_0"],
  ["deepseek_v2_lite", "Q8_0"],
  ["deepseek_v3_k256", "Q4_K_M"],
  ["qwen3_moe", "Q8_0"],
].filter(([model, form]) => existsSync(fixturePath(`models/${model}/gguf/model-${form}.gguf`)));

Deno.test("mixtures: there are files of each kind to compare", () => {
  const files = [...EXACT, ...FOLDERS, ...QUANTIZED.map(([model, form]) => `${model} ${form}`)];
  for (
    const wanted of [
      ...["deepseek_v3/gguf/model-F32", "deepseek_v2_lite/gguf/model-F32-legacy"],
      ...["deepseek_v3_noqlora/gguf/model-F32", "deepseek_v2_group", "qwen3_moe"],
      ...["deepseek_v3 Q8_0", "deepseek_v3_k256 Q4_K_M"],
    ]
  ) assert(files.includes(wanted), wanted);
});

for (const [model, form] of QUANTIZED) {
  const file = `models/${model}/gguf/model-${form}.gguf`;
  const reference = `models/${model}/logits-${form}-dequantized.safetensors`;

  Deno.test(`${model} ${form}: with the reference's experts, rounding of activations alone is left`, async () => {
    const twin = new Float64Twin(await readPlainModel(fixturePath(file)));
    const references = readSafetensors(fixturePath(reference));
    await using open = await FixtureModel.open(fixturePath(file));
    for (const { name, ids } of promptsOf(model)) {
      const { routing } = twin.pass(ids);
      const forced = new Map(
        [...routing].map(([layer, tokens]) => [layer, tokens.map(({ experts }) => experts)]),
      );
      const { logits } = await routed(open, ids, forced);
      const { values } = references.get(name) ?? { values: new Float32Array() };
      const error = nmse(logits.slice(-values.length), values);
      assert(error <= FORCED_NMSE, `${name}: NMSE ${error}`);
    }
  });

  Deno.test(`${model} ${form} as F32: the logits of the dequantized weights, the twin's experts`, async () => {
    const spec = await f32Model(file);
    const references = readSafetensors(fixturePath(reference));
    await checkAgainstTwin(spec, promptsOf(model), (name, logits) => {
      const { values } = references.get(name) ?? { values: new Float32Array() };
      return nmse(logits.slice(-values.length), values);
    });
  });
}

/** Compares logits and routing of an F32 model with the twin's; `more` gives another error that must be as small. */
async function checkAgainstTwin(
  spec: ModelSpec,
  prompts: Expected["prompts"],
  more?: (name: string, logits: Float32Array) => number,
  latentForm?: LatentForm,
): Promise<void> {
  await withFolder(async (folder) => {
    const path = writeModel(folder, spec);
    const twin = new Float64Twin(await readPlainModel(path));
    await using open = await FixtureModel.open(path, { latentForm });
    for (const { name, ids } of prompts) {
      const expected = twin.pass(ids);
      const { logits, routing } = await routed(open, ids);
      const error = Math.max(nmse(logits, expected.logits), more?.(name, logits) ?? 0);
      assert(error <= F32_NMSE, `${name}: NMSE ${error}`);
      assertEquals([...routing.keys()], [...expected.routing.keys()]);
      for (const [layer, tokens] of expected.routing) {
        const experts = tokens.map((token) => token.experts);
        const weights = tokens.map((token) => token.weights);
        assertRouting(routing, layer, { experts, weights }, name);
      }
    }
  });
}

/** Ids with no pattern, in lengths around a page's end and far beyond YaRN's original context. */
const PROMPTS = [1, 31, 33, 120].map((length) => ({
  name: `${length} tokens`,
  ids: Array.from({ length }, (_, i) => (i * i * 7 + i * 31 + length) % 380),
}));

Deno.test("olmoe: a norm over whole rows and plain softmax weights, as the twin has them", async () => {
  await checkAgainstTwin(await olmoeModel(), PROMPTS);
});

Deno.test("deepseek_v2 with groups: a group counts by its best expert, as the twin has it", async () => {
  await checkAgainstTwin(await groupedV2Model(), PROMPTS);
});

Deno.test("deepseek_v3 in sizes that no tile divides: as the twin has it, in both forms", async () => {
  const spec = await oddV3Model();
  await checkAgainstTwin(spec, PROMPTS);
  await checkAgainstTwin(spec, PROMPTS, undefined, "naive");
});

Deno.test("a dense model with YaRN: cos and sin carry the factor, as the twin has it", async () => {
  await checkAgainstTwin(await yarnLlamaModel(), PROMPTS);
});
