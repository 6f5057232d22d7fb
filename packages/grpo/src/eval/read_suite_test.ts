/** Tests of read_suite.ts: names, files by their forms, what there is not. */
import { assertEquals, assertRejects } from "@std/assert";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DataError } from "../tasks/mod.ts";
import { readSuite } from "./read_suite.ts";

Deno.test("readSuite: names", async () => {
  const nano = await readSuite("nano", { limit: 3 });
  assertEquals([nano.rows.length, nano.maxTokens], [15, 60]);
  const chain = await readSuite("CHAIN6", { limit: 3, seed: 4, samples: 2 });
  assertEquals([chain.rows.map(({ task }) => task), chain.samples], [
    ["CHAIN6", "CHAIN6", "CHAIN6"],
    2,
  ]);
  assertEquals((await readSuite("digit_sum", {})).rows.length, 64);
  await assertRejects(() => readSuite("math"), RangeError, "a file with a format of gsm8k");
});

Deno.test("readSuite: files of each form are judged as their form asks", async () => {
  const folder = mkdtempSync(join(tmpdir(), "aha-suite-"));
  try {
    const file = join(folder, "test.jsonl");
    const cases = [
      ["gsm8k", { question: "1 + 1?", answer: "so\n#### 2" }, "\\boxed{2}"],
      ["aime", { problem: "?", answer: "204" }, "\\boxed{204}"],
      ["math500", { problem: "?", answer: "\\frac12", level: 1, subject: "A" }, "\\boxed{0.5}"],
      ["countdown", { nums: [1, 2, 3], target: 6 }, "<answer> 1 + 2 + 3 </answer>"],
      ["jsonl", { prompt: "?", answer: "x + 1" }, "\\boxed{1 + x}"],
    ] as const;
    for (const [format, row, right] of cases) {
      writeFileSync(file, `${JSON.stringify(row)}\n`);
      const suite = await readSuite(file, { format });
      const judge = (text: string) => suite.judge(suite.rows[0], text, true).isRight;
      assertEquals([judge(right), judge("\\boxed{7}")], [true, false], format);
    }
    writeFileSync(file, `{"question": "?"}\n`);
    await assertRejects(() => readSuite(file, { format: "gsm8k" }), DataError);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
