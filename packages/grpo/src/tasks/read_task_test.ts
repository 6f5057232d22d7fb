/** Tests of read_task.ts: options in both spellings, and those that a task or format does not have. */
import { assertEquals, assertRejects } from "@std/assert";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readTask } from "./read_task.ts";

Deno.test("readTask: options of files in both spellings; unknown ones and missing files are named", async () => {
  const folder = mkdtempSync(join(tmpdir(), "aha-task-"));
  try {
    writeFileSync(join(folder, "rows.jsonl"), '{"prompt": "a", "answer": 1}\n');
    const read = (options: Record<string, unknown>, format = "jsonl", file = "rows.jsonl") =>
      readTask({ file, format, options }, { seed: 1, folder });
    for (const options of [{ as_chat: false }, { asChat: false }]) {
      assertEquals((await read(options)).row(0).prompt, "a");
    }
    assertEquals((await read({})).row(0).prompt, [{ role: "user", content: "a" }]);
    await assertRejects(
      () => read({ prmpt_column: "a" }),
      RangeError,
      "task.prmpt_column is no option of the format jsonl; there are instruction, system, as_chat",
    );
    await assertRejects(() => read({ seed: 1 }, "gsm8k"), RangeError, "task.seed");
    await assertRejects(() => read({}, "jsonl", "none.jsonl"), Error, "there is no such file");
    await assertRejects(
      () => readTask({ name: "digit_sum", options: { levls: [1] } }, { seed: 1 }),
      RangeError,
      "task.levls is no option of digit_sum; there are seed, levels, split, form",
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
