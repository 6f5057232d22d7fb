/** Tests of which words are model and prompt. */
import { assertEquals } from "@std/assert";
import { modelAndPrompt } from "./default_model.ts";

Deno.test("modelAndPrompt: two words are a model and its prompt, none is the default model", () => {
  assertEquals(modelAndPrompt([], false), { model: "nano" });
  assertEquals(modelAndPrompt(["anything", "hf:x"], false), { model: "anything", prompt: "hf:x" });
});

Deno.test("modelAndPrompt: what can be a model alone is one, anything else is a prompt for the default model", () => {
  const models = [
    ...["nano", "nano-student", "smollm2-135m", "README.md", "missing.gguf", "my models/a b.GGUF"],
    ...["hf:org/repo/file.gguf", "https://example.com/m?x=1", "file:///a/b", "./m", "a/b", "C:\\m"],
  ];
  for (const model of models) assertEquals(modelAndPrompt([model], false), { model });
  const prompts = ["CHAIN A 9 B 4 C 8 ?", "smollm2", "2 / 3 is what?", "", "packages", "\0"];
  for (const prompt of prompts.concat("x".repeat(10_000))) {
    assertEquals(modelAndPrompt([prompt], false), { model: "nano", prompt });
  }
});

Deno.test("modelAndPrompt: where the prompt comes another way, a word is a model", () => {
  assertEquals(modelAndPrompt(["smollm2"], true), { model: "smollm2" });
  assertEquals(modelAndPrompt([], true), { model: "nano" });
});
