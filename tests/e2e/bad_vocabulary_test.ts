/** Models whose text parts are broken: vocabulary, merge rules, token types, chat template. One line, exit 1. */
import { Buffer } from "node:buffer";
import { modelSpec, withFolder, withKey, writeModel } from "../support/edited_model.ts";
import { assertFails, FAILED } from "../support/failing_command.ts";
import { ggufBytes, type TypedValue } from "../support/gguf_bytes.ts";

const SPEC = await modelSpec("models/llama_untied/gguf/model-F32.gguf");
const TOKENS = 384;

async function refused(
  key: string,
  value: TypedValue | undefined,
  part: string,
  commands: readonly (readonly string[])[] = [["run", "Hi"], ["tokenize", "-"]],
): Promise<void> {
  await withFolder(async (folder) => {
    const path = writeModel(folder, withKey(SPEC, key, value));
    for (const [name, ...words] of commands) {
      await assertFails([name, path, ...words], FAILED, part);
    }
  });
}

const list = (of: "int32" | "int64" | "float32" | "string", items: readonly unknown[]) =>
  ({ type: "array", of, items }) as TypedValue;

Deno.test("bad vocabulary: merge rules that are missing or of another kind", async () => {
  const merges = "tokenizer.ggml.merges";
  const lack = "The vocabulary has no merge rules (tokenizer.ggml.merges)";
  await refused(merges, undefined, lack);
  await refused(merges, list("int32", [1]), "must be an array of strings, found array of 1 int32");
  await refused(merges, list("string", ["q"]), `Merge rule 0 ("q") does not fit the vocabulary`);
});

Deno.test("bad vocabulary: token types that nobody knows", async () => {
  const cases: [TypedValue, string][] = [
    [list("int32", Array(TOKENS).fill(-5)), "Token 0 has the type -5"],
    [list("int64", Array(TOKENS).fill(2n ** 40n)), "Token 0 has the type 1099511627776"],
    [list("float32", Array(TOKENS).fill(NaN)), "Token 0 has the type NaN"],
    [list("int32", Array(TOKENS).fill(1).fill(7, 9)), "Token 9 has the type 7"],
    [list("string", Array(TOKENS).fill("x")), "must be an array of numbers"],
  ];
  for (const [types, part] of cases) await refused("tokenizer.ggml.token_type", types, part);
});

Deno.test("bad vocabulary: a token that is not UTF-8", async () => {
  await withFolder(async (folder) => {
    const bytes = ggufBytes(SPEC);
    const at = Buffer.from(bytes.buffer).indexOf("tokenizer.ggml.tokens");
    const first = at + "tokenizer.ggml.tokens".length + 4 + 4 + 8 + 8;
    bytes[first] = 0xff;
    const path = writeModel(folder, bytes);
    const part = "Token 0 of the vocabulary is not valid UTF-8: convert the model again";
    await assertFails(["run", path, "Hi"], FAILED, part);
    await assertFails(["detokenize", path, "--ids", "1"], FAILED, part);
  });
});

Deno.test("bad vocabulary: a chat template that throws, never ends or makes no prompt", async () => {
  const cases: [string, string][] = [
    ["{{ raise_exception('Roles must\nalternate') }}", "The chat template failed: Roles must"],
    ["{% for i in range(1000000000) %}x{% endfor %}", "range() of 1000000000 numbers, 100000 are"],
    ["{% for i in range(99999) %}{% for j in range(99) %}x{% endfor %}{% endfor %}", "it takes "],
    ["{{ messages[0].content.nothing() }}", "The chat template failed: "],
    ["{{ 'open", "The chat template is not valid Jinja: "],
    ["{{", "The chat template is not valid Jinja: it ends inside a tag"],
    ["", "empty prompt"],
  ];
  for (const [template, part] of cases) {
    const value: TypedValue = { type: "string", value: template };
    await refused("tokenizer.chat_template", value, part, [["run", "Hi"]]);
  }
});

Deno.test("bad vocabulary: thirty megabytes of prompt are refused in seconds", async () => {
  await withFolder(async (folder) => {
    const model = writeModel(folder, SPEC);
    const part = "does not fit the context of 512 tokens";
    await assertFails(["run", model, "hello world ".repeat(2_500_000)], FAILED, part);
  });
});
