/** Tests of the short words on a file: sums of all tensors, llama.cpp's name of the mix. */
import { assertEquals } from "@std/assert";
import { fixturePath } from "../../../../tests/support/fixture.ts";
import { fileFacts } from "./file_facts.ts";
import { openGguf } from "../gguf/mod.ts";

async function factsOf(file: string) {
  const { gguf, source } = await openGguf(fixturePath(`models/${file}`));
  await source.close();
  return fileFacts(gguf, source.sizeBytes);
}

Deno.test("fileFacts: sizes and the format of files in one format", async () => {
  const f32 = await factsOf("llama_untied/gguf/model-F32.gguf");
  assertEquals(f32.quantization, "F32");
  const q8 = await factsOf("qwen2/gguf/model-Q8_0.gguf");
  assertEquals(q8.quantization, "Q8_0");
});

Deno.test("fileFacts: the file's own name of the mix goes first, F32 and unknown numbers do not count", async () => {
  const { gguf, source } = await openGguf(fixturePath("models/qwen2/gguf/model-Q8_0.gguf"));
  await source.close();
  const named = (value: unknown) => {
    const metadata = { get: () => ({ type: "uint32", value }) };
    return fileFacts({ ...gguf, metadata } as unknown as typeof gguf, 1).quantization;
  };
  assertEquals([15, 17, 0, 999, "x"].map(named), ["Q4_K_M", "Q5_K_M", "Q8_0", "Q8_0", "Q8_0"]);
});
