/** A folder with a small task and a reward, and configurations of runs in it. Asserts nothing. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readRunConfig, type RunConfig, type StepRecord, type TrainHooks } from "@aha/grpo";
import { fixturePath } from "./fixture.ts";

/** Rewards the first token's remainder: what a module of a user may do. */
const REWARD = `/** Rewards a remainder. Tests use it. */
export default ({ completionIds, columns }) =>
  completionIds.map((ids, i) => Number(ids[0] % 6 === Number(columns.answer[i]) % 6));
`;

/** A test in a folder with `task.jsonl` and `remainder.mjs`. */
export function inFolder(test: (folder: string) => Promise<void>): () => Promise<void> {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), "aha-train-"));
    try {
      const rows = Array.from({ length: 10 }, (_, i) => ({ prompt: `${i}`, answer: i }));
      writeFileSync(join(folder, "task.jsonl"), rows.map((row) => JSON.stringify(row)).join("\n"));
      writeFileSync(join(folder, "remainder.mjs"), REWARD);
      await test(folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
}

/** Six steps of four prompts each, in the folder `out`. */
export function configOf(folder: string, changes: Record<string, unknown> = {}): RunConfig {
  return readRunConfig({
    model: fixturePath("models/llama_untied/gguf/model-F32.gguf"),
    task: { file: join(folder, "task.jsonl"), asChat: false },
    rewards: [{ name: "remainder", module: join(folder, "remainder.mjs") }],
    loss_type: "grpo",
    learning_rate: 2e-3,
    lr_scheduler_type: "constant",
    num_generations: 8,
    per_device_train_batch_size: 16,
    gradient_accumulation_steps: 2,
    max_completion_length: 2,
    max_steps: 6,
    save_steps: 2,
    seed: 3,
    guards: false,
    output_dir: join(folder, "out"),
    ...changes,
  });
}

/** Hooks that keep what they are told. */
export function hooksOf(more: Partial<TrainHooks> = {}) {
  const records: StepRecord[] = [];
  const warnings: string[] = [];
  const hooks: TrainHooks = {
    onStep: (record) => void records.push(record),
    onWarning: (text) => void warnings.push(text),
    signal: new AbortController().signal,
    ...more,
  };
  return { records, warnings, hooks };
}
