/** A training that one SIGTERM ends in the midst of a long step, or before its first: it is saved, and goes on to the same weights. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ahaArguments } from "../support/aha_process.ts";
import { fixturePath } from "../support/fixture.ts";

const EXIT_TERMINATED = 143;

/** Steps of seconds each, of which nearly all is sampling. */
function configOf(folder: string, name: string): string {
  writeFileSync(join(folder, "task.jsonl"), '{"prompt":"1"}\n{"prompt":"2"}\n');
  const config = join(folder, `${name}.json`);
  writeFileSync(
    config,
    JSON.stringify({
      model: fixturePath("models/llama_untied/gguf/model-F32.gguf"),
      task: { file: join(folder, "task.jsonl"), asChat: false, answer_column: null },
      rewards: [{ name: "repetition_penalty", ngram_size: 1, max_penalty: -1 }],
      learning_rate: 1e-3,
      num_generations: 32,
      per_device_train_batch_size: 64,
      max_completion_length: 250,
      max_steps: 3,
      guards: false,
      output_dir: join(folder, name),
    }),
  );
  return config;
}

interface Ended {
  readonly code: number;
  readonly told: string;
}

/** Runs to the end, or is sent one SIGTERM `afterMs` after it has said `word`. */
async function run(words: readonly string[], word?: string, afterMs = 0): Promise<Ended> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ahaArguments(["train", ...words]),
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let told = "";
  let isTerminated = false;
  const read = async (stream: ReadableStream<Uint8Array>) => {
    for await (const bytes of stream) {
      told += new TextDecoder().decode(bytes);
      if (word === undefined || isTerminated || !told.includes(word)) continue;
      isTerminated = true;
      setTimeout(() => child.kill("SIGTERM"), afterMs);
    }
  };
  const [{ code }] = await Promise.all([child.status, read(child.stdout), read(child.stderr)]);
  return { code, told };
}

Deno.test("aha train: one SIGTERM drops the step under way and saves; it goes on to the same weights", async () => {
  const folder = mkdtempSync(join(tmpdir(), "aha-ended-"));
  try {
    const whole = await run([configOf(folder, "whole")]);
    assertEquals(whole.code, 0, whole.told);
    const config = configOf(folder, "ended");
    for (
      const [word, afterMs, steps, resumed] of [
        ["3 steps", 0, 0, []],
        ["step 1/3", 300, 1, ["--resume"]],
      ] as const
    ) {
      const { code, told } = await run([config, ...resumed], word, afterMs);
      assertEquals(code, EXIT_TERMINATED, told);
      assertStringIncludes(told, `Saved: step ${steps} of 3`);
      assertStringIncludes(told, "--resume goes on from here");
    }
    const { code, told } = await run([config, "--resume"]);
    assertEquals(code, 0, told);
    assert(told.includes("going on after step 1 of 3"), told);
    const model = (name: string) => readFileSync(join(folder, name, "model.gguf"));
    assertEquals(model("ended"), model("whole"));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
