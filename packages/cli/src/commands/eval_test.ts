/** Tests of eval.ts: table, JSON, report, other models than nano's, and what cannot be asked. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { nanoTokenizer, newModel, SHAPES } from "@aha/grpo";
import { capturedIo } from "../../../../tests/support/captured_io.ts";
import { fixturePath } from "../../../../tests/support/fixture.ts";
import { main } from "../cli.ts";
import { registeredCommands } from "../registry.ts";

async function aha(...words: string[]) {
  const { io, written } = capturedIo();
  const code = await main(words, io, registeredCommands);
  return { code, ...written };
}

Deno.test("eval: a nano model as table, JSON and report", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "aha-eval-" });
  try {
    const model = `${folder}/model.gguf`;
    const blob = await newModel(SHAPES.student, nanoTokenizer(), 1);
    Deno.writeFileSync(model, new Uint8Array(await blob.arrayBuffer()));
    const words = ["eval", model, "CHAIN6", "--limit", "3", "--samples", "2", "--budgets", "0,4"];
    const told = await aha(...words, "--out", `${folder}/out`);
    assertEquals([told.code, told.error], [0, ""]);
    assertStringIncludes(told.out, "nano: 3 problems, 2 samples each, temperature 0.6, top-p 0.95");
    assertStringIncludes(told.out, "accuracy when the thought is ended after so many tokens");
    const report = JSON.parse(Deno.readTextFileSync(`${folder}/out/eval.json`));
    assertEquals(report.sections[0].budgets.length, 2);
    const page = Deno.readTextFileSync(`${folder}/out/report.html`);
    assertStringIncludes(page, "Accuracy against thinking budget");
    const again = JSON.parse((await aha(...words, "--json", "--threads", "1")).out);
    assertEquals({ ...again, seconds: 0 }, { ...report, seconds: 0 });
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("eval: any model on sums of digits; what is wrong is one line", async () => {
  const model = fixturePath("models/qwen2/gguf/model-Q8_0.gguf");
  const sums = ["eval", model, "digit_sum", "--limit", "2", "--samples", "1", "--max-tokens", "4"];
  assertStringIncludes((await aha(...sums)).out, "digit_sum: 2 problems");
  const refused = async (code: number, message: string, ...words: string[]) => {
    const { error, ...found } = await aha(...words);
    assertEquals(found.code, code, error);
    assertStringIncludes(error, message);
    assertEquals(error.trimEnd().split("\n").length, 1, error);
  };
  await refused(2, 'SUITE "sums" is not allowed', "eval", model, "sums");
  await refused(2, '--budgets "a" is not allowed', ...sums, "--budgets", "a");
  await refused(1, "no tokens <think>", ...sums, "--budgets", "4");
  await refused(1, "none.jsonl", "eval", model, "none.jsonl", "--format", "gsm8k");
  await refused(2, "--format", "eval", model, "none.jsonl", "--format", "xml");
  // Before the model is opened, and so before it has sampled anything.
  const file = fixturePath("README.md");
  await refused(1, `Cannot write into ${file}`, "eval", "none.gguf", "CHAIN", "--out", file);
});
