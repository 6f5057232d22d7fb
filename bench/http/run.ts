/** `deno task bench:http`: `aha serve` under load against its floors, kept in bench/results. Compares no other servers. */
import process from "node:process";
import { resolveModel } from "../../packages/runtime/src/weights/resolve_model.ts";
import { type AhaServer, startAhaServer } from "../../tests/support/aha_server.ts";
import { fixturePath } from "../../tests/support/fixture.ts";
import { describeRun, saveResult } from "../measured_run.ts";
import { runProgram } from "../program.ts";
import { textTable } from "../text_table.ts";
import { type Crowd, crowd } from "./crowd.ts";
import { measureRates, medianOf, type Rates } from "./rates.ts";
import { soak } from "./soak.ts";
import { readStream } from "./streams.ts";
import { type Figures, FLOORS, type Verdict, verdictsOf } from "./verdicts.ts";

const USAGE = "deno task bench:http [--check | --sound] [--soak MINUTES]";
const TIME_LIMIT_MS = 60 * 60_000;

interface Settings {
  /** `check` judges all by the best repeats; `sound` judges what no slow machine excuses. Neither keeps anything. */
  readonly mode: "keep" | "check" | "sound";
  readonly soakMinutes: number;
}

function readSettings(words: readonly string[]): Settings {
  const mode = words.includes("--check") ? "check" : words.includes("--sound") ? "sound" : "keep";
  const rest = words.filter((word) => word !== `--${mode}`);
  const [flag, minutes = "", ...more] = rest;
  if (rest.length > 0 && (flag !== "--soak" || !(Number(minutes) > 0) || more.length > 0)) {
    throw new RangeError(`${JSON.stringify(rest.join(" "))} makes no sense`);
  }
  return { mode, soakMinutes: rest.length > 0 ? Number(minutes) : 1 };
}

async function withServer<T>(
  words: readonly string[],
  run: (server: AhaServer) => Promise<T>,
): Promise<T> {
  const server = await startAhaServer([...words, "--log", "off"], { timeLimitMs: TIME_LIMIT_MS });
  try {
    await server.ready();
    await readStream(server.url, { prompt: [4, 5, 6], tokens: 16, seed: 1 }); // code is cold
    return await run(server);
  } finally {
    server.signal("SIGTERM");
    await server.ended;
  }
}

async function measure({ mode, soakMinutes }: Settings): Promise<Figures> {
  const tiny = fixturePath("models/llama_untied/gguf/model-F32.gguf");
  const smol = String(await resolveModel(process.env.AHA_SMOLLM2 || "smollm2-135m"));
  const small = { promptTokens: 16, tokens: 128, vocabulary: 384 };
  const large = { promptTokens: 16, tokens: 48, vocabulary: 49_152 };
  const turns = mode === "sound"
    ? { repeats: 1, singleRepeats: 2 }
    : { repeats: 3, singleRepeats: 7 };
  const sizes = { promptTokens: 16, ...turns };
  const crowds: Record<string, Crowd> = {};
  const rates: Record<string, Rates> = {};
  await withServer([`tiny=${tiny}`], async ({ url }) => {
    crowds["64 streams, tiny"] = await crowd(url, { ...small, streams: 64, round: 0 });
    rates.tiny = await measureRates(url, tiny, { ...sizes, tokens: 256 });
  });
  await withServer([`tiny=${tiny}`, "--queue", "8"], async ({ url }) => {
    crowds["64 streams, tiny, 8 may wait"] = await crowd(url, { ...small, streams: 64, round: 0 });
  });
  await withServer([`smollm2=${smol}`], async ({ url }) => {
    crowds["16 streams, SmolLM2"] = await crowd(url, { ...large, streams: 16, round: 0 });
    rates["SmolLM2"] = await measureRates(url, smol, { ...sizes, tokens: 64 });
  });
  const soaked = await withServer([`tiny=${tiny}`], (server) => soak(server, soakMinutes));
  return { crowds, rates, soak: soaked };
}

function report({ crowds, rates, soak }: Figures, verdicts: readonly Verdict[]): string {
  const ms = (value: number) => value.toFixed(1);
  const healthOf = ({ p50, p99, max }: Crowd["health"]) => [p50, p99, max].map(ms).join(" / ");
  return [
    textTable(
      ["crowd", "complete", "429", "tokens/s", "/health p50 / p99 / max [ms]"],
      Object.entries(crowds).map(([what, { complete, refused, tokensPerSecond, health }]) => [
        ...[what, `${complete}`, `${refused}`, ms(tokensPerSecond), healthOf(health)],
      ]),
    ),
    textTable(
      ["model", "8 streams [tokens/s]", "batch of 8", "HTTP a token [ms]", "engine a token"],
      Object.entries(rates).map(([model, { http, engine, httpTokenMs, engineTokenMs }]) => [
        ...[model, ms(medianOf(http)), ms(medianOf(engine))],
        ...[medianOf(httpTokenMs).toFixed(3), medianOf(engineTokenMs).toFixed(3)],
      ]),
    ),
    `soak of ${soak.minutes} min: ${soak.requests} requests ${JSON.stringify(soak.statuses)}, RSS ${
      (soak.trend.mean / 2 ** 20).toFixed(0)
    } MiB, growth ${(100 * soak.trend.growth).toFixed(2)} %, /health ${healthOf(soak.health)}`,
    textTable(
      ["floor", "reached", "asked", ""],
      verdicts.map(({ what, figure, floor, isReached }) => [
        ...[what, figure, floor, isReached ? "reached" : "MISSED"],
      ]),
    ),
    ...Object.values(crowds).flatMap(({ broken }) => broken.slice(0, 3)),
  ].join("\n\n");
}

async function main(settings: Settings): Promise<number> {
  const { mode } = settings;
  const run = describeRun();
  const figures = await measure(settings);
  const verdicts = verdictsOf(figures, mode !== "keep");
  console.log(report(figures, verdicts));
  if (mode === "keep") {
    console.log(saveResult("http", run, { floors: FLOORS, ...figures, verdicts }));
  }
  const judged = verdicts.filter(({ isSpeed }) => mode !== "sound" || !isSpeed);
  const failed = judged.filter(({ isReached }) => !isReached).length;
  console.log(`${judged.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

if (import.meta.main) await runProgram({ usage: USAGE, read: readSettings, run: main });
