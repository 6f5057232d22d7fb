/** `deno task bench:rollout`: groups of rollouts of tiny models against transformers' `generate`, in turns. Knows no training. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createWasmBackend } from "../../packages/runtime/src/backend/wasm/backend.ts";
import { RolloutEngine, type RolloutRequest } from "../../packages/runtime/training.ts";
import { openTrainable } from "../../tests/support/trainable_model.ts";
import { describeRun, saveResult } from "../measured_run.ts";
import { expectThreads, runProgram } from "../program.ts";
import { type Spread, spreadOf } from "../spread.ts";
import { textTable } from "../text_table.ts";
import { TINY_MODELS, type TinyModel, tinyModel, VOCABULARY } from "./tiny_models.ts";

const USAGE = "deno task bench:rollout [--models nano,nano_v3] [--generate 48,72] [--threads 2] " +
  "[--repeat 7] [--python PYTHON] [--cpu-time] [--save]    PYTHON has torch and transformers; default: no peer";
/** What is drawn: 32 prompts, 8 completions each. */
const [PROMPTS, GROUP, PROMPT_TOKENS] = [32, 8, 24];
/** Times the peer's speed: what is asked for at least, and what is aimed at. */
const [FLOOR, AIM] = [2, 4];
const WARM_UPS = 2;

interface Settings {
  readonly models: readonly TinyModel[];
  readonly generate: readonly number[];
  readonly threads: number;
  readonly repeat: number;
  readonly python?: string;
  /** Whether seconds are those of processors: the only ones that say anything on a busy machine, of one thread. */
  readonly isCpuTime: boolean;
  readonly save: boolean;
}

/** Seconds of one run. */
type Timed = () => Promise<number>;

/** Tokens a second that were drawn, those of prompts not counted. */
interface Figures {
  readonly model: TinyModel;
  readonly generate: number;
  readonly aha: Spread | null;
  readonly transformers: Spread | null;
  /** Of the medians. */
  readonly ratio: number | null;
}

function requestOf(generate: number): RolloutRequest {
  const prompts = Array.from(
    { length: PROMPTS },
    (_, prompt) =>
      Array.from({ length: PROMPT_TOKENS }, (_, i) => (prompt * 7 + i * 13) % VOCABULARY),
  );
  return {
    ...{ prompts, group: GROUP, maxTokens: generate, temperature: 1, endIds: [] },
    draw: (prompt, index) => ({ seed: [1, prompt], choice: index }),
  };
}

/** transformers in a process of its own. */
class Transformers {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  constructor(python: string, threads: number) {
    const program = fileURLToPath(new URL("transformers_generate.py", import.meta.url));
    this.#child = spawn(python, [program, `${threads}`]);
    this.#child.stderr.pipe(process.stderr);
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** The next line that it says. */
  async said(): Promise<Record<string, unknown>> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("The peer has ended: see what it says above");
    return JSON.parse(value);
  }

  async seconds(model: TinyModel, generate: number, isCpuTime: boolean): Promise<number> {
    const job = { model, generate, sequences: PROMPTS * GROUP, prompt: PROMPT_TOKENS };
    this.#child.stdin.write(`${JSON.stringify(job)}\n`);
    const { seconds, cpuSeconds } = await this.said();
    return (isCpuTime ? cpuSeconds : seconds) as number;
  }

  end(): void {
    this.#child.stdin.end();
  }
}

/** Each in turn, some turns to warm up first. */
async function timesOf(repeat: number, runs: readonly Timed[]): Promise<number[][]> {
  const times = runs.map((): number[] => []);
  for (let turn = -WARM_UPS; turn < repeat; turn++) {
    for (const [i, run] of runs.entries()) {
      const seconds = await run();
      if (turn >= 0) times[i].push(seconds);
    }
  }
  return times;
}

async function compare(
  model: TinyModel,
  { generate: lengths, threads, repeat, isCpuTime }: Settings,
  peer?: Transformers,
): Promise<Figures[]> {
  const opened = await openTrainable(await createWasmBackend({ threads }), await tinyModel(model));
  const engine = new RolloutEngine(opened.model, opened.backend, opened.backend.ops);
  const figures: Figures[] = [];
  for (const generate of lengths) {
    const request = requestOf(generate);
    const own: Timed = async () => {
      const [start, cpuStart] = [performance.now(), process.cpuUsage()];
      const rollouts = await engine.rollOut(request);
      const { user, system } = process.cpuUsage(cpuStart);
      const seconds = isCpuTime ? (user + system) / 1e6 : (performance.now() - start) / 1000;
      if (rollouts.some(({ ids }) => ids.length !== generate)) throw new Error("too short");
      return seconds;
    };
    const runs = peer ? [own, () => peer.seconds(model, generate, isCpuTime)] : [own];
    const tokens = PROMPTS * GROUP * generate;
    const [aha, transformers = null] = (await timesOf(repeat, runs)).map((seconds) =>
      spreadOf(seconds.map((one) => tokens / one))
    );
    const ratio = aha && transformers ? aha.median / transformers.median : null;
    figures.push({ model, generate, aha, transformers, ratio });
  }
  await opened.close();
  return figures;
}

function report(figures: readonly Figures[]): string {
  const shown = (spread: Spread | null) =>
    spread ? [spread.median, spread.min, spread.max].map(Math.round).join(" / ") : "-";
  const verdict = (ratio: number | null) => {
    if (ratio === null) return "-";
    return ratio >= AIM ? "aim reached" : ratio >= FLOOR ? "floor reached" : "MISSED";
  };
  return textTable(
    ["model", "prompt + drawn", "aha [tokens/s]", "transformers [tokens/s]", "ratio", ""],
    figures.map(({ model, generate, aha, transformers, ratio }) => [
      ...[model, `${PROMPT_TOKENS} + ${generate}`, shown(aha), shown(transformers)],
      ...[ratio?.toFixed(2) ?? "-", verdict(ratio)],
    ]),
  );
}

async function main(settings: Settings): Promise<number> {
  const { models, threads, python, isCpuTime, save } = settings;
  expectThreads(threads);
  const run = describeRun();
  const peer = python ? new Transformers(python, threads) : undefined;
  const versions = await peer?.said();
  const figures: Figures[] = [];
  for (const model of models) figures.push(...await compare(model, settings, peer));
  peer?.end();
  console.log(report(figures));
  if (save) {
    const how = {
      threads,
      isCpuTime,
      sequences: PROMPTS * GROUP,
      group: GROUP,
      prompt: PROMPT_TOKENS,
    };
    console.log(saveResult("rollout", run, { floor: FLOOR, aim: AIM, ...how, versions, figures }));
  }
  return figures.every(({ ratio }) => ratio === null || ratio >= FLOOR) ? 0 : 1;
}

/** Reads the words of the command; throws with what is wrong. */
function readSettings(words: readonly string[]): Settings {
  const text = (value: string) => ({ type: "string", default: value }) as const;
  const { values } = parseArgs({
    args: [...words],
    options: {
      ...{ models: text(TINY_MODELS.join()), generate: text("48,72"), threads: text("2") },
      ...{ repeat: text("7"), python: { type: "string" } },
      ...{ "cpu-time": { type: "boolean" }, save: { type: "boolean" } },
    },
  });
  const count = (option: string, word: string): number => {
    if (/^[1-9]\d{0,3}$/.test(word)) return Number(word);
    throw new RangeError(`--${option} has ${JSON.stringify(word)}, not a whole number from 1 on`);
  };
  const models = values.models.split(",").map((name) => {
    const model = TINY_MODELS.find((one) => one === name);
    if (model) return model;
    throw new RangeError(`No model ${JSON.stringify(name)}: there are ${TINY_MODELS.join(", ")}`);
  });
  return {
    models,
    generate: values.generate.split(",").map((word) => count("generate", word)),
    threads: count("threads", values.threads),
    repeat: count("repeat", values.repeat),
    python: values.python,
    isCpuTime: values["cpu-time"] ?? false,
    save: values.save ?? false,
  };
}

if (import.meta.main) await runProgram({ usage: USAGE, read: readSettings, run: main });
