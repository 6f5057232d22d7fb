/** Tests of tokenize.ts and detokenize.ts, over a small model file. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runAha } from "../../../../tests/support/captured_io.ts";
import { fixturePath } from "../../../../tests/support/fixture.ts";

const MODEL = fixturePath("models/llama_untied/gguf/model-F16.gguf");
const TEXT = "Grüße, <|im_end|> 😀\n";

Deno.test("aha tokenize, detokenize: one undoes the other", async () => {
  const { code, out, error } = await runAha(["tokenize", MODEL, "-"], TEXT);
  assertEquals([code, error], [0, ""]);
  assertMatch(out, /^\d+(,\d+)*\n$/);
  assertEquals(out.split(",").includes("383"), true); // <|im_end|>
  const back = await runAha(["detokenize", MODEL, "--ids", out.trim()]);
  assertEquals(back, { code: 0, out: TEXT, error: "" });
});

Deno.test("aha tokenize: --no-special keeps control tokens as text", async () => {
  const { out } = await runAha(["tokenize", MODEL, "--text", "-", "--no-special"], TEXT);
  const ids = out.trim().split(",");
  assertEquals(ids.includes("383"), false);
  assertEquals((await runAha(["detokenize", MODEL, "--ids", ids.join(",")])).out, TEXT);
});

Deno.test("aha tokenize, detokenize: --json is one document", async () => {
  const tokens = JSON.parse((await runAha(["tokenize", MODEL, "-", "--json"], "a<|im_end|>")).out);
  assertEquals([tokens.model, tokens.tokens], [MODEL, ["a", "<|im_end|>"]]);
  const words = ["detokenize", MODEL, "--json", "--ids", tokens.ids.join(",")];
  assertEquals(JSON.parse((await runAha(words)).out), {
    model: MODEL,
    ids: tokens.ids,
    text: "a<|im_end|>",
  });
});

Deno.test("aha tokenize: an empty text has no ids", async () => {
  assertEquals(await runAha(["tokenize", MODEL, "-"], ""), { code: 0, out: "\n", error: "" });
  assertEquals((await runAha(["detokenize", MODEL, "--ids", ""])).out, "");
});

Deno.test("aha tokenize, detokenize: bad input is one line, with its exit code", async () => {
  const bytes = new Uint8Array([0x61, 0xff]);
  const cases: [string[], number, string, Uint8Array?][] = [
    [["tokenize", MODEL], 2, "needs a text"],
    [["tokenize", MODEL, "-", "--text", "x"], 2, "not both"],
    [["tokenize", MODEL, "hello"], 2, 'unexpected argument "hello"'],
    [["tokenize", MODEL, "--text", "no/such.txt"], 1, "Cannot read no/such.txt: there is no such"],
    [["tokenize", MODEL, "--text", "."], 1, "Cannot read .: it is a folder"],
    [["tokenize", MODEL, "-"], 1, "Cannot read stdin: it is not UTF-8 text", bytes],
    [["tokenize", "no/such.gguf", "-"], 1, "no/such.gguf"],
    [["detokenize", MODEL], 2, "needs token ids"],
    [["detokenize", MODEL, "--ids", "1,x"], 2, '--ids "1,x" is not allowed'],
    [["detokenize", MODEL, "--ids", "384"], 1, "Token id 384 is outside the vocabulary of 384"],
  ];
  for (const [words, code, message, stdin] of cases) {
    const ended = await runAha(words, stdin);
    assertEquals([ended.code, ended.out], [code, ""], words.join(" "));
    assertMatch(ended.error, /^aha: [^\n]+\n$/);
    assertStringIncludes(ended.error, message);
  }
});
