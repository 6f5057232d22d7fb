/** `deno task bench:speculation [TASK] [THREADS]`: decoding with and without checked drafts, by task, and what a row costs. Compares no peers and checks no floors. */
import process from "node:process";
import { type GenerateOptions, loadModel, type Model } from "@aha/runtime";
import { Decoder } from "../packages/runtime/src/engine/decoder.ts";
import { resolveModel } from "../packages/runtime/src/weights/resolve_model.ts";
import { FixtureModel } from "../tests/support/fixture_model.ts";
import { MIXTURE, modelPath } from "./peers/model_files.ts";
import { benchHome } from "./peers/npm_packages.ts";
import { expectThreads, runProgram } from "./program.ts";

const USAGE = "deno task bench:speculation [TASK] [THREADS]";
const REPEATS = 5;
const ROWS = [1, 2, 4, 6, 8];
const TEXT =
  "The harbour town wakes before the sun. Fishermen carry their nets down the stone steps, and the " +
  "gulls wait on the rails for what will be thrown away. By six the bakery has its first customers, " +
  "who talk about the weather and the price of diesel. The old lighthouse has not been used since " +
  "1974, but a family still lives in the keeper's house and paints the door blue every spring. In " +
  "winter the ferry runs only twice a week, and the school has eleven pupils.";
const CODE = `function parseLine(line) {
  const parts = line.split(",");
  const name = parts[0].trim();
  const price = Number(parts[1]);
  if (Number.isNaN(price)) {
    throw new Error("bad line: " + line);
  }
  return { name, price };
}`;

/** Small models edit poorly, so what counts is how much of the answer stands in the prompt, not how good it is. */
const TASKS: Readonly<Record<string, string>> = {
  "repeat, one word changed": `Repeat this text, with "village" instead of "town":\n\n${TEXT}`,
  "edit code": `Rename "price" to "cost" in this code and print all of it:\n\n${CODE}`,
  "summary": `Summarise this text in two sentences:\n\n${TEXT}`,
  "free text": "Write a short story about a clockmaker who finds a letter.",
  "explanation": "Explain how a bicycle stays upright.",
};

interface Run {
  readonly ids: readonly number[];
  readonly speed: number;
  readonly drafted: number;
  readonly accepted: number;
}

async function run(model: Model, prompt: string, options: GenerateOptions): Promise<Run> {
  const promptIds = model.chatIds([{ role: "user", content: prompt }]);
  const { ids, timings } = await model.complete(promptIds, options);
  const { tokensPerSecond: speed, draftedTokens: drafted, acceptedTokens: accepted } = timings;
  return { ids, speed, drafted, accepted };
}

/** Both ways take turns. Speeds are the best of each, the ratio is the median of the turns': the machine may drift. */
async function compare(model: Model, name: string, temperature: number): Promise<void> {
  const best = { off: 0, auto: 0 };
  const ratios: number[] = [];
  let last: Run | undefined;
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const options = { temperature, seed: 1, maxTokens: 120 };
    const off = await run(model, TASKS[name], { ...options, speculation: "off" });
    last = await run(model, TASKS[name], options);
    if (last.ids.join() !== off.ids.join()) throw new Error(`${name}: the answers differ`);
    best.off = Math.max(best.off, off.speed);
    best.auto = Math.max(best.auto, last.speed);
    ratios.push(last.speed / off.speed);
  }
  const { ids, drafted, accepted } = last as Run;
  const cells = [name, temperature, ids.length, best.off.toFixed(1), best.auto.toFixed(1)];
  const ratio = ratios.sort((a, b) => a - b)[REPEATS >> 1].toFixed(2);
  console.log(`| ${[...cells, ratio, `${accepted} of ${drafted}`].join(" | ")} |`);
}

/** The least time of a step of so many rows with their logits, against a step of one. */
async function rowCosts(path: string, threads: number): Promise<void> {
  await using open = await FixtureModel.open(path, { threads });
  const decoder = new Decoder(open.model, open.backend.ops, 1024);
  const [cache, least] = [open.cache(), new Map<number, number>()];
  const sequence = cache.create();
  const shape = { temperature: 0, topK: 0, topP: 1, minP: 0, seed: [0, 0], choice: 0 } as const;
  await decoder.step(cache, [{ sequence, ids: Array.from({ length: 256 }, (_, i) => i) }]);
  for (const rows of Array<number[]>(20).fill(ROWS).flat()) {
    const start = performance.now();
    const draws = Array.from({ length: rows }, () => ({ ...shape, position: 0 }));
    await decoder.step(cache, [{ sequence, ids: draws.map((_, i) => i), draws }]);
    least.set(rows, Math.min(least.get(rows) ?? Infinity, performance.now() - start));
    cache.truncate(sequence, 256);
  }
  const cost = ROWS.map((rows) => `${rows}: ${(least.get(rows)! / least.get(1)!).toFixed(2)}`);
  const name = path.slice(path.lastIndexOf("/") + 1);
  console.log(`time of a step by rows, ${name}, ${threads} threads: ${cost.join(", ")}`);
}

interface Settings {
  readonly tasks: readonly string[];
  readonly threads: number;
}

/** Reads the words of the command; throws with what is wrong. */
function readSettings([wanted = "", threads = "2", ...more]: readonly string[]): Settings {
  const names = Object.keys(TASKS);
  const tasks = names.filter((task) => task.includes(wanted));
  if (tasks.length === 0) {
    const known = names.map((name) => JSON.stringify(name)).join(", ");
    throw new RangeError(`No task is called ${JSON.stringify(wanted)}: there are ${known}`);
  }
  if (!/^[1-9]\d{0,2}$/.test(threads)) {
    throw new RangeError(`THREADS is ${JSON.stringify(threads)}, not a whole number from 1 on`);
  }
  if (more.length > 0) throw new RangeError(`${JSON.stringify(more[0])} is a word too many`);
  return { tasks, threads: Number(threads) };
}

async function main({ tasks, threads }: Settings): Promise<void> {
  expectThreads(threads);
  const file = String(await resolveModel(process.env.AHA_SMOLLM2 || "smollm2-135m"));
  await rowCosts(file, threads);
  await rowCosts(await modelPath(MIXTURE, benchHome()), threads);
  await using model = await loadModel(file, { threads });
  console.log("| task | temperature | tokens | off | auto | ratio | drafts right |");
  for (const name of tasks) {
    for (const temperature of [0, 0.7]) await compare(model, name, temperature);
  }
}

if (import.meta.main) await runProgram({ usage: USAGE, read: readSettings, run: main });
