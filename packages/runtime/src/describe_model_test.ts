/** Tests of describeModel: the same as of the loaded model, from a part of the file, and nothing of what is not here. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { fixturePath } from "../../../tests/support/fixture.ts";
import { startRangeServer } from "../../../tests/support/range_server.ts";
import { R1_TEMPLATE, writeThinkingModel } from "../../../tests/support/thinking_model.ts";
import { GgufError, SourceError } from "./errors.ts";
import { describeModel, loadModel } from "./load_model.ts";

const TINY = fixturePath("models/llama_untied/gguf/model-F32.gguf");

Deno.test("describeModel: tells of a file what the loaded model tells", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    const files = [
      TINY,
      fixturePath("models/qwen2/gguf/model-Q8_0.gguf"),
      fixturePath("models/deepseek_v3/gguf/model-F32.gguf"),
      fixturePath("models/llama_untied/gguf/model-F32-split-00002-of-00003.gguf"),
      await writeThinkingModel(folder, R1_TEMPLATE),
    ];
    for (const file of files) {
      await using model = await loadModel(file, { contextTokens: 128, threads: 1 });
      const { config, tokenizer, isReasoning, contextTokens } = model;
      const { architecture, vocabulary, width, layers } = config;
      const { chatTemplate } = tokenizer;
      assertEquals(await describeModel(file, { contextTokens: 128 }), {
        ...{ architecture, contextTokens, vocabulary, width, layers, ...model.file, isReasoning },
        ...(chatTemplate === undefined ? {} : { chatTemplate }),
      }, file);
    }
    assertEquals((await describeModel(files[4]))?.isReasoning, true);
    const written = Deno.makeTempDirSync({ dir: folder });
    const asText = await writeThinkingModel(written, R1_TEMPLATE, true);
    assertEquals((await describeModel(asText))?.isReasoning, true);
    assertEquals((await describeModel(TINY))?.isReasoning, false);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("describeModel: over HTTP it reads the head and no weights", async () => {
  const head = Deno.readFileSync(TINY);
  const bytes = new Uint8Array(32 * 2 ** 20);
  bytes.set(head);
  const server = startRangeServer({ bytes });
  try {
    const { sizeBytes, ...facts } = await describeModel(new URL(server.url)) ?? { sizeBytes: 0 };
    const { sizeBytes: _, ...known } = await describeModel(TINY) ?? { sizeBytes: 0 };
    assertEquals([sizeBytes, facts], [bytes.length, known]);
    const ends = server.requests.map(({ range }) => Number(/-(\d+)$/.exec(range)?.[1] ?? Infinity));
    assert(Math.max(...ends) < 8 * 2 ** 20, JSON.stringify(server.requests));
  } finally {
    await server.close();
  }
});

Deno.test("describeModel: what has to be downloaded first is not, files that are none are told", async () => {
  assertEquals(await describeModel("hf:nobody/nothing/never-pulled.gguf"), undefined);
  await assertRejects(() => describeModel("missing/model.gguf"), SourceError);
  await assertRejects(() => describeModel("packages/runtime/deno.json"), GgufError);
});
