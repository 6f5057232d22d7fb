/** Tests of open_tokenizer.ts. */
import { assertEquals, assertRejects } from "@std/assert";
import { fixturePath } from "../../../../tests/support/fixture.ts";
import { SourceError } from "../errors.ts";
import { openTokenizer } from "./open_tokenizer.ts";

Deno.test("openTokenizer: reads the tokenizer out of a model file", async () => {
  const tokenizer = await openTokenizer(fixturePath("models/llama_untied/gguf/model-F16.gguf"));
  assertEquals(tokenizer.vocabularySize, 384);
  assertEquals(tokenizer.decode(tokenizer.encode("grüß dich 😀")), "grüß dich 😀");
});

Deno.test("openTokenizer: a missing file is named", async () => {
  await assertRejects(() => openTokenizer("./no/such.gguf"), SourceError, "./no/such.gguf");
});
