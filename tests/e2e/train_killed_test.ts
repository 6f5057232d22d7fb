/** A training that is killed at random moments and goes on each time ends in the weights of one that never was. */
import { assert, assertEquals } from "@std/assert";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ahaArguments } from "../support/aha_process.ts";
import { fixturePath } from "../support/fixture.ts";
import { seededRandom } from "../support/seeded_random.ts";

const KILLS = 20;
const STEPS = 300;
/** A process is killed within so many milliseconds after one of the first steps that it tells of, whatever a step takes. */
const LATEST_MS = 20;
const MOST_STEPS = 4;

function configOf(folder: string, name: string): string {
  const rows = Array.from({ length: 10 }, (_, i) => ({ prompt: `${i}`, answer: `${i}` }));
  writeFileSync(join(folder, "task.jsonl"), rows.map((row) => JSON.stringify(row)).join("\n"));
  const config = join(folder, "run.json");
  writeFileSync(
    config,
    JSON.stringify({
      model: fixturePath("models/llama_untied/gguf/model-F32.gguf"),
      task: { file: join(folder, "task.jsonl"), asChat: false },
      rewards: [{ name: "repetition_penalty", ngram_size: 1, max_penalty: -1 }],
      loss_type: "grpo",
      beta: 0.04,
      learning_rate: 1e-3,
      num_generations: 4,
      per_device_train_batch_size: 8,
      gradient_accumulation_steps: 2,
      num_iterations: 2,
      max_completion_length: 6,
      max_steps: STEPS,
      save_steps: 1,
      guards: false,
      output_dir: join(folder, name),
    }),
  );
  return config;
}

/** When a process is killed: some time after it has told of some steps. */
interface Death {
  readonly steps: number;
  readonly afterMs: number;
}

/** Runs to the end, or is killed; true where it came to its end. */
async function trains(config: string, resumes: boolean, death?: Death): Promise<boolean> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ahaArguments(["train", config, ...(resumes ? ["--resume"] : [])]),
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let told = "";
  let isDying = false;
  const read = async (stream: ReadableStream<Uint8Array>) => {
    for await (const bytes of stream) {
      told += new TextDecoder().decode(bytes);
      if (!death || isDying || told.split("step ").length <= death.steps) continue;
      isDying = true;
      setTimeout(() => kill(child), death.afterMs);
    }
  };
  const [status] = await Promise.all([child.status, read(child.stdout), read(child.stderr)]);
  assert(status.success || status.signal === "SIGKILL", told.slice(-2000));
  return status.success;
}

function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has come to its end before.
  }
}

Deno.test("aha train: killed at 20 random moments, resumed each time: the same weights, each step told once", async () => {
  const folder = mkdtempSync(join(tmpdir(), "aha-killed-"));
  try {
    assert(await trains(configOf(folder, "whole"), false));
    const wanted = readFileSync(join(folder, "whole", "model.gguf"));
    const config = configOf(folder, "killed");
    const random = seededRandom(11);
    let kills = 0;
    for (; kills < KILLS; kills++) {
      const resumes = existsSync(join(folder, "killed", "checkpoint.safetensors"));
      if (!resumes) rmSync(join(folder, "killed"), { recursive: true, force: true });
      const death = { steps: 1 + random(MOST_STEPS), afterMs: random(LATEST_MS) };
      if (await trains(config, resumes, death)) break;
    }
    assertEquals(kills, KILLS, "the run came to its end too soon");
    assert(await trains(config, true));
    assertEquals(readFileSync(join(folder, "killed", "model.gguf")), wanted);
    const lines = readFileSync(join(folder, "killed", "metrics.jsonl"), "utf8").trim().split("\n");
    assertEquals(
      lines.map((line) => JSON.parse(line).step),
      Array.from({ length: STEPS }, (_, i) => i + 1),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
