/** GRPO of adapters on a published quantized model through the command, in three steps; says what memory it took. */
import { assert, assertEquals } from "@std/assert";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ahaArguments } from "../support/aha_process.ts";

const CONFIG = {
  model: "smollm2-135m",
  lora: { rank: 8, alpha: 16 },
  task: { name: "digit_sum", levels: [2] },
  rewards: ["accuracy", "tag_count"],
  beta: 0.04,
  learning_rate: 1e-4,
  num_generations: 2,
  per_device_train_batch_size: 4,
  max_completion_length: 16,
  max_steps: 3,
  micro_batch_tokens: 256,
  guards: false,
};
/** Of the whole process: the quantized weights stay quantized, activations are of one part of a batch. */
const MOST_BYTES = 640 * 2 ** 20;

/** The most memory that a process had (VmHWM), by Linux' own count; 0 where there is no /proc. */
async function peakBytes({ pid, status }: Deno.ChildProcess): Promise<number> {
  let isRunning = true;
  status.then(() => isRunning = false);
  let kibibytes = 0;
  while (isRunning) {
    try {
      const text = readFileSync(`/proc/${pid}/status`, "utf8");
      kibibytes = Number(/^VmHWM:\s+(\d+) kB$/m.exec(text)?.[1] ?? kibibytes);
    } catch {
      // It has ended, or the system tells no such thing.
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return kibibytes * 1024;
}

Deno.test("aha train: three GRPO steps of SmolLM2, Q4_1 with LoRA: no mismatch, an adapter, bounded memory", async () => {
  const folder = mkdtempSync(join(tmpdir(), "aha-smollm2-"));
  try {
    const config = join(folder, "run.json");
    writeFileSync(config, JSON.stringify(CONFIG));
    const output = join(folder, "out");
    const child = new Deno.Command(Deno.execPath(), {
      args: ahaArguments(["train", config, "--out", output, "--json"]),
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const peak = peakBytes(child);
    const { stdout, success } = await child.output();
    const bytes = await peak;
    assert(success);
    const { step, files } = JSON.parse(new TextDecoder().decode(stdout));
    assertEquals(step, 3);
    const lines = readFileSync(join(output, "metrics.jsonl"), "utf8").trim().split("\n");
    for (const line of lines) {
      assertEquals(JSON.parse(line)["sampling/sampling_logp_difference/max"], 0);
    }
    assert(readFileSync(files.adapter).length > 1e6);
    console.log(`peak of the process: ${Math.round(bytes / 2 ** 20)} MiB`);
    assert(bytes < MOST_BYTES, `${bytes} bytes`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
