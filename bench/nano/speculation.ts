/**
 * `deno run -A bench/nano/speculation.ts [MODEL] [THREADS]`: answers of a model of the nano family with guesses by lookup, by
 * its own layer for multi-token prediction, and with none. Checks no floors.
 */
import { type GenerateOptions, loadModel, type Model } from "@aha/runtime";
import { nanoTestRows } from "@aha/grpo/tasks";
import { expectThreads, runProgram } from "../program.ts";

const USAGE = "deno run -A bench/nano/speculation.ts [MODEL] [THREADS]";
const REPEATS = 5;
const TASKS = ["CHAIN", "MUL", "EVAL", "CD", "GENERAL"] as const;
/** Of each task; answers are short, so their times are added up. */
const PROBLEMS = 40;
/** `absent`: the layer is left in the file; else it runs with each step, whoever guesses. */
const WAYS = ["absent", "off", "lookup", "mtp"] as const;

type Way = typeof WAYS[number];

/** One way over the problems of a task. */
interface Sum {
  readonly ids: string;
  readonly tokens: number;
  readonly ms: number;
  readonly drafted: number;
  readonly accepted: number;
}

async function answers(
  model: Model,
  prompts: readonly string[],
  options: GenerateOptions,
): Promise<Sum> {
  const sum = { ids: "", tokens: 0, ms: 0, drafted: 0, accepted: 0 };
  for (const prompt of prompts) {
    const promptIds = model.tokenizer.encode(prompt, { special: true });
    const start = performance.now();
    const { ids, timings } = await model.complete(promptIds, options);
    sum.ms += performance.now() - start;
    sum.ids += `${ids.join()};`;
    sum.tokens += ids.length;
    sum.drafted += timings.draftedTokens;
    sum.accepted += timings.acceptedTokens;
  }
  return sum;
}

/** All ways take turns: the machine may drift. Ratios, to the first way, are medians over the turns. */
async function compare(
  models: Models,
  task: typeof TASKS[number],
  temperature: number,
): Promise<void> {
  const rows = nanoTestRows({ seed: 1, tasks: { [task]: 1 } }, PROBLEMS);
  const prompts = rows.map(({ prompt }) => prompt);
  const ways = WAYS.filter((way) => way !== "mtp" || models.present.config.nextLayers);
  const ratios = new Map<Way, number[]>(ways.map((way) => [way, []]));
  const last = new Map<Way, Sum>();
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    for (const way of ways) {
      const [model, speculation] = way === "absent"
        ? [models.absent, "off"] as const
        : [models.present, way];
      const options = { temperature, topP: 0.95, seed: 1, maxTokens: 60, speculation };
      last.set(way, await answers(model, prompts, options));
      const [own, first] = [last.get(way)!, last.get("absent")!];
      if (own.ids !== first.ids) throw new Error(`${task}: the answers differ with ${way}`);
      ratios.get(way)!.push(first.ms / own.ms);
    }
  }
  for (const way of ways) {
    const { tokens, ms, drafted, accepted } = last.get(way)!;
    const ratio = ratios.get(way)!.sort((a, b) => a - b)[REPEATS >> 1].toFixed(2);
    const share = drafted === 0
      ? ""
      : `${accepted} of ${drafted}, ${(accepted / drafted).toFixed(2)}`;
    const cells = [task, temperature, way, tokens, (tokens / ms * 1000).toFixed(0), ratio, share];
    console.log(`| ${cells.join(" | ")} |`);
  }
}

/** The model with its layer for multi-token prediction and without. */
interface Models {
  readonly absent: Model;
  readonly present: Model;
}

interface Settings {
  readonly file: string;
  readonly threads: number;
}

/** Reads the words of the command; throws with what is wrong. */
function readSettings([file = "nano", threads = "1", ...more]: readonly string[]): Settings {
  if (!/^[1-9]\d{0,2}$/.test(threads)) {
    throw new RangeError(`THREADS is ${JSON.stringify(threads)}, not a whole number from 1 on`);
  }
  if (more.length > 0) throw new RangeError(`${JSON.stringify(more[0])} is a word too many`);
  return { file, threads: Number(threads) };
}

async function main({ file, threads }: Settings): Promise<void> {
  expectThreads(threads);
  await using absent = await loadModel(file, { threads, multiToken: false });
  await using present = await loadModel(file, { threads, multiToken: true });
  const chance = (1 / present.config.vocabulary).toFixed(3);
  console.log(`${file}, ${threads} threads; a guess by chance is right ${chance} of the time`);
  console.log("| task | temperature | guesses | tokens | tokens/s | ratio | guesses right |");
  console.log("| ---- | ----------- | ------- | ------ | -------- | ----- | ------------- |");
  for (const task of TASKS) {
    for (const temperature of [0, 0.6]) await compare({ absent, present }, task, temperature);
  }
}

if (import.meta.main) await runProgram({ usage: USAGE, read: readSettings, run: main });
