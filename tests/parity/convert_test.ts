/** Converted folders against the files of llama.cpp's converter: tensors bit for bit, metadata key by key, logits and texts. */
import { assert, assertEquals } from "@std/assert";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadModel } from "../../packages/runtime/mod.ts";
import {
  blobFolder,
  convertCheckpoint,
  openFolder,
} from "../../packages/runtime/src/convert/mod.ts";
import {
  type MetadataEntry,
  openFileSink,
  type OpenGguf,
  openGguf,
} from "../../packages/runtime/src/gguf/mod.ts";
import { fixtureJson, fixturePath } from "../support/fixture.ts";
import { FixtureModel } from "../support/fixture_model.ts";
import { tensorBytes, writtenModel } from "../support/memory_sink.ts";
import { readSafetensors } from "../support/safetensors.ts";
import { assertSameBytes } from "../support/same_bytes.ts";
import { F32_NMSE, nmse } from "../support/tolerance.ts";

const CLASSES = [
  "LlamaForCausalLM",
  "Qwen2ForCausalLM",
  "Qwen3ForCausalLM",
  "Qwen3MoeForCausalLM",
  "OlmoeForCausalLM",
  "DeepseekV2ForCausalLM",
  "DeepseekV3ForCausalLM",
];
const FORMS = ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1"];
/** Forms that llama.cpp's converter wrote itself; its quantizer sorts tensors by layer and name. */
const CONVERTED = ["F32", "F16", "BF16"];

/** Keys that differ from llama.cpp's, with the reason. */
const OWN_KEYS: Readonly<Record<string, string>> = {
  "general.name": "the folder's name as it is; llama.cpp writes it as a title",
};

/** Models whose folder can be converted. */
const MODELS = readdirSync(fixturePath("models")).filter((model) => {
  const folder = fixturePath(`models/${model}/hf`);
  if (!existsSync(join(folder, "model.safetensors"))) return false;
  const config = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
  return CLASSES.includes(config.architectures[0]);
});

async function converted(folder: string, type?: string): Promise<OpenGguf> {
  const opened = await openFolder(fixturePath(folder));
  return await writtenModel((sink) => convertCheckpoint(opened, sink, { type }));
}

function plain({ type, elementType, value }: MetadataEntry): unknown {
  const list = typeof value === "object" ? [...(value as Iterable<unknown>)] : value;
  return { type, elementType, value: list };
}

Deno.test("convertCheckpoint: there are folders to convert", () => {
  const mixtures = ["deepseek_v3_noqlora", "deepseek_v2_group", "qwen3_moe"];
  for (const model of ["llama_untied", "llama_k256", "qwen2", "qwen3", ...mixtures]) {
    assert(MODELS.includes(model), model);
  }
});

for (const model of MODELS) {
  for (const form of FORMS) {
    const path = fixturePath(`models/${model}/gguf/model-${form}.gguf`);
    if (!existsSync(path)) continue;

    Deno.test(`convertCheckpoint: ${model} as ${form} is llama.cpp's file`, async () => {
      const own = await converted(`models/${model}/hf`, form);
      const theirs = await openGguf(path);
      const names = [own, theirs].map(({ gguf }) => [...gguf.tensors.keys()]);
      if (!CONVERTED.includes(form)) names.forEach((list) => list.sort());
      assertEquals(names[0], names[1]);
      let compared = 0;
      for (const [name, tensor] of theirs.gguf.tensors) {
        const ours = own.gguf.tensors.get(name);
        assertEquals(ours?.dims, tensor.dims, name);
        // llama.cpp keeps the embedding of its Q4 files in Q6_K.
        if (/^Q4/.test(form) && tensor.type.name === "Q6_K") continue;
        assertEquals(ours?.type.name, tensor.type.name, name);
        assertSameBytes(await tensorBytes(own, name), await tensorBytes(theirs, name), name);
        compared++;
      }
      assert(compared >= theirs.gguf.tensors.size - 1, `${compared} tensors were compared`);
      const keys = [...theirs.gguf.metadata.entries()].filter(([key]) => !(key in OWN_KEYS));
      for (const [key, entry] of keys) {
        const found = own.gguf.metadata.get(key);
        assert(found, `${key} is missing`);
        assertEquals(plain(found), plain(entry), key);
      }
      assertEquals(own.gguf.metadata.size, keys.length + Object.keys(OWN_KEYS).length);
      await theirs.source.close();
    });
  }

  Deno.test(`convertCheckpoint: ${model} says the same in the words of transformers 5`, async () => {
    const folder = fixturePath(`models/${model}/hf`);
    const files = new Map(
      readdirSync(folder).map((file) => [file, new Blob([readFileSync(join(folder, file))])]),
    );
    const config = readFileSync(fixturePath(`models/${model}/config_transformers5.json`));
    files.set("config.json", new Blob([config]));
    const other = blobFolder("hf", files);
    const own = await converted(`models/${model}/hf`);
    const same = await writtenModel((sink) => convertCheckpoint(other, sink));
    assertSameBytes(await bytesOf(same), await bytesOf(own));
  });

  const sharded = `models/${model}/hf_sharded`;
  if (existsSync(fixturePath(sharded))) {
    Deno.test(`convertCheckpoint: ${model} in several files is the one file`, async () => {
      const [own, split] = [await converted(`models/${model}/hf`), await converted(sharded)];
      assertEquals([...split.gguf.tensors.keys()].sort(), [...own.gguf.tensors.keys()].sort());
      for (const name of own.gguf.tensors.keys()) {
        assertSameBytes(await tensorBytes(split, name), await tensorBytes(own, name), name);
      }
      for (const [key, entry] of own.gguf.metadata.entries()) {
        if (key in OWN_KEYS) continue;
        assertEquals(plain(split.gguf.metadata.get(key) as MetadataEntry), plain(entry), key);
      }
    });
  }

  const logits = fixturePath(`models/${model}/logits.safetensors`);
  if (existsSync(logits)) {
    Deno.test(`convertCheckpoint: ${model} as F32 gives the reference's logits and texts`, () =>
      checkRun(model, logits));
  }
}

interface Expected {
  readonly prompts: readonly {
    readonly name: string;
    readonly ids: readonly number[];
    readonly greedy: readonly number[];
  }[];
}

async function checkRun(model: string, logitsPath: string): Promise<void> {
  const { prompts } = fixtureJson<Expected>(`models/${model}/expected.json`);
  const folder = mkdtempSync(join(tmpdir(), "aha-convert-"));
  try {
    const path = join(folder, "model.gguf");
    const sink = await openFileSink(path);
    const source = await openFolder(fixturePath(`models/${model}/hf`));
    await convertCheckpoint(source, sink, { type: "F32" });
    sink.commit();
    const references = readSafetensors(logitsPath);
    await using open = await FixtureModel.open(path);
    await using session = await loadModel(path, { kvType: "f32" });
    for (const { name, ids, greedy } of prompts) {
      const reference = references.get(name)?.values ?? new Float32Array();
      const error = nmse(await open.logits(ids), reference);
      assert(error <= F32_NMSE, `${name}: NMSE ${error}`);
      const options = { maxTokens: greedy.length, temperature: 0, ignoreEnd: true };
      assertEquals((await session.complete(ids, options)).ids, greedy, name);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function bytesOf({ source }: OpenGguf): Promise<Uint8Array> {
  const bytes = new Uint8Array(source.sizeBytes);
  await source.read(0, bytes);
  return bytes;
}
