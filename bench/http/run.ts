/** `deno task bench:http`: `aha serve` under load against its floors, kept in bench/results; `--check` only compares. Compares no other servers. */
import process from "node:process";
import { resolveModel } from "../../packages/runtime/src/weights/resolve_model.ts";
import { type AhaServer, startAhaServer } from "../../tests/support/aha_server.ts";
import { fixturePath } from "../../tests/support/fixture.ts";
import { describeRun, saveResult } from "../measured_run.ts";
import { runProgram } from "../program.ts";
import { textTable } from "../text_table.ts";
import { type Crowd, crowd } from "./crowd.ts";
import { measureRates, medianOf, type Rates } from "./rates.ts";
import { type Soak, soak } from "./soak.ts";
import { readStream } from "./streams.ts";

const USAGE = "deno task bench:http [--check] [--soak MINUTES]";
/** What is asked of the server; growth is that of the trend over the soak's last half. */
const FLOORS = { rateRatio: 0.8, addedTokenMs: 1, healthMs: 100, rssGrowth: 0.05 };
const TIME_LIMIT_MS = 60 * 60_000;

interface Settings {
  readonly check: boolean;
  readonly soakMinutes: number;
}

/** All that is measured. */
interface Figures {
  readonly crowds: Readonly<Record<string, Crowd>>;
  readonly rates: Readonly<Record<string, Rates>>;
  readonly soak: Soak;
}

/** A floor with what was reached. */
interface Verdict {
  readonly what: string;
  readonly figure: string;
  readonly floor: string;
  readonly isReached: boolean;
}

function readSettings(words: readonly string[]): Settings {
  const rest = words.filter((word) => word !== "--check");
  const [flag, minutes = "", ...more] = rest;
  if (rest.length > 0 && (flag !== "--soak" || !(Number(minutes) > 0) || more.length > 0)) {
    throw new RangeError(`${JSON.stringify(rest.join(" "))} makes no sense`);
  }
  return { check: rest.length < words.length, soakMinutes: rest.length > 0 ? Number(minutes) : 1 };
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

async function measure(soakMinutes: number): Promise<Figures> {
  const tiny = fixturePath("models/llama_untied/gguf/model-F32.gguf");
  const smol = String(await resolveModel(process.env.AHA_SMOLLM2 || "smollm2-135m"));
  const small = { promptTokens: 16, tokens: 128, vocabulary: 384 };
  const large = { promptTokens: 16, tokens: 48, vocabulary: 49_152 };
  const sizes = { promptTokens: 16, repeats: 3, singleRepeats: 7 };
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

function verdictsOf({ crowds, rates, soak }: Figures, check: boolean): Verdict[] {
  // A check takes the best repeat: a neighbour on a shared machine slows some, nothing speeds one up.
  const ratio = ({ http, engine }: Rates) =>
    check ? Math.max(...http) / Math.max(...engine) : medianOf(http) / medianOf(engine);
  const added = ({ httpTokenMs, engineTokenMs }: Rates) =>
    check
      ? Math.min(...httpTokenMs) - Math.min(...engineTokenMs)
      : medianOf(httpTokenMs.map((ms, i) => ms - engineTokenMs[i]));
  const floorOf = (what: string, figure: number, floor: number, isReached: boolean): Verdict => ({
    ...{ what, figure: figure.toFixed(3), floor: `${floor}`, isReached },
  });
  const { rateRatio, addedTokenMs, healthMs, rssGrowth } = FLOORS;
  const smol = ratio(rates.SmolLM2);
  const faults = (soak.statuses.fault ?? 0) + (soak.statuses["500"] ?? 0);
  return [
    ...Object.entries(crowds).map(([what, { streams, complete, refused }]) => ({
      what: `${what}: complete or refused`,
      ...{ figure: `${complete} + ${refused}`, floor: `${streams}` },
      isReached: complete + refused === streams,
    })),
    floorOf("8 streams to the engine's batch of 8, SmolLM2", smol, rateRatio, smol >= rateRatio),
    ...Object.entries(rates).map(([model, rate]) =>
      floorOf(
        `HTTP adds a token, ${model}, ms`,
        added(rate),
        addedTokenMs,
        added(rate) <= addedTokenMs,
      )
    ),
    ...Object.entries(crowds).map(([what, { health: { p50, p99 } }]) => {
      // Of a second, the 99th percentile is the worst moment, which a neighbour may have made.
      const [which, figure] = check ? ["p50", p50] as const : ["p99", p99] as const;
      return floorOf(`/health, ${what}, ${which} ms`, figure, healthMs, figure <= healthMs);
    }),
    floorOf("/health, soak, p99 ms", soak.health.p99, healthMs, soak.health.p99 <= healthMs),
    floorOf("soak: growth of RSS", soak.trend.growth, rssGrowth, soak.trend.growth <= rssGrowth),
    floorOf("soak: faults", faults, 0, faults === 0),
  ];
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

async function main({ check, soakMinutes }: Settings): Promise<number> {
  const run = describeRun();
  const figures = await measure(soakMinutes);
  const verdicts = verdictsOf(figures, check);
  console.log(report(figures, verdicts));
  if (!check) console.log(saveResult("http", run, { floors: FLOORS, ...figures, verdicts }));
  return verdicts.every(({ isReached }) => isReached) ? 0 : 1;
}

if (import.meta.main) await runProgram({ usage: USAGE, read: readSettings, run: main });
