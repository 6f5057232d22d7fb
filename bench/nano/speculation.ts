/** `deno run -A bench/nano/speculation.ts [MODEL] [THREADS]`: answers of a model of the nano family with guesses by lookup, by its own layer for multi-token prediction, and with none. Checks no floors. */
import { type GenerateOptions, loadModel, type Model } from "@aha/runtime";
import { nanoTestRows } from "@aha/grpo/tasks";
import { expectThreads, runProgram } from "../program.ts";

const USAGE = "deno run -A bench/nano/speculation.ts [MODEL] [THREADS]";
const REPEATS = 5;
const TASKS = ["CHAIN", "MUL", "EVAL", "CD", "GENERAL"] as const;
/** Of each task; answers are short, so their times are added up. */
const PROBLEMS = 12;
const WAYS = ["off", "lookup", "mtp"] as const;

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

/** All ways take turns: the machine may drift. Ratios are medians over the turns. */
async function compare(
  model: Model,
  task: typeof TASKS[number],
  temperature: number,
): Promise<void> {
  const rows = nanoTestRows({ seed: 1, tasks: { [task]: 1 } }, PROBLEMS);
  const prompts = rows.map(({ prompt }) => prompt);
  const ways = WAYS.filter((way) => way !== "mtp" || model.config.nextLayers);
  const ratios = new Map<Way, number[]>(ways.map((way) => [way, []]));
  const last = new Map<Way, Sum>();
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    for (const speculation of ways) {
      const options = { temperature, topP: 0.95, seed: 1, maxTokens: 60, speculation };
      last.set(speculation, await answers(model, prompts, options));
      const [own, off] = [last.get(speculation)!, last.get("off")!];
      if (own.ids !== off.ids) throw new Error(`${task}: the answers differ with ${speculation}`);
      ratios.get(speculation)!.push(off.ms / own.ms);
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
  await using model = await loadModel(file, { threads });
  const chance = (1 / model.config.vocabulary).toFixed(3);
  console.log(`${file}, ${threads} threads; a guess by chance is right ${chance} of the time`);
  console.log("| task | temperature | guesses | tokens | tokens/s | ratio | guesses right |");
  console.log("| ---- | ----------- | ------- | ------ | -------- | ----- | ------------- |");
  for (const task of TASKS) {
    for (const temperature of [0, 0.6]) await compare(model, task, temperature);
  }
}

if (import.meta.main) await runProgram({ usage: USAGE, read: readSettings, run: main });
