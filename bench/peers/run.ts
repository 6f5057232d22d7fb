/** `deno task bench:peers`: Aha and other runtimes on the same files, threads and prompts, taking turns; a table, what of the goals is reached, and a JSON in bench/results. Builds and measures nothing itself. */
import { closeSync, openSync, readSync } from "node:fs";
import { parseArgs } from "node:util";
import { describeRun, saveResult } from "../measured_run.ts";
import { runProgram } from "../program.ts";
import { aha, ahaSimdThreads } from "./aha.ts";
import { busyShare } from "./busy_share.ts";
import { goalsOf, goalTable } from "./goals.ts";
import { llamaBench } from "./llama_bench.ts";
import { FORMATS, GENERATED, isGenerated, MIXTURE, modelName, modelPath } from "./model_files.ts";
import { nodeLlamaCpp } from "./node_llama_cpp.ts";
import { benchHome } from "./npm_packages.ts";
import { GENERATED_TOKENS, type Peer, PROMPT_TOKENS, type ReadyPeer } from "./peer.ts";
import { type Measurement, summarize, table } from "./summary.ts";
import { wllama } from "./wllama.ts";

const PEERS: readonly Peer[] = [aha, ahaSimdThreads, nodeLlamaCpp, llamaBench, wllama];

const USAGE = `deno task bench:peers [MODEL...] [--threads 1,2] [--repeat 3] [--only NAME,...]
MODEL is ${
  FORMATS.join(", ")
} (SmolLM2-135M in that format), ${GENERATED}, ${MIXTURE} or a GGUF file; default: the named ones.
NAME is ${PEERS.map(({ name }) => name).join(", ")}.`;

interface Settings {
  readonly models: readonly string[];
  readonly threads: readonly number[];
  readonly repeats: number;
  readonly peers: readonly Peer[];
}

/** A peer without figures, or a part of them. */
interface Failure {
  readonly peer: string;
  readonly reason: string;
}

/** Reads the words of the command; throws with what is wrong. */
export function readSettings(words: readonly string[]): Settings {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      threads: { type: "string", default: "1,2" },
      repeat: { type: "string", default: "3" },
      only: { type: "string", default: PEERS.map(({ name }) => name).join() },
    },
  });
  const count = (text: string, option: string): number => {
    if (/^[1-9]\d{0,2}$/.test(text)) return Number(text);
    throw new RangeError(`--${option} is ${JSON.stringify(text)}, not a whole number from 1 on`);
  };
  const peers = values.only.split(",").map((wanted) => {
    const peer = PEERS.find(({ name }) => name === wanted);
    if (peer) return peer;
    throw new RangeError(`--only names ${JSON.stringify(wanted)}, which is no peer`);
  });
  return {
    models: positionals.length > 0 ? positionals : [...FORMATS, GENERATED, MIXTURE],
    threads: values.threads.split(",").map((text) => count(text, "threads")),
    repeats: count(values.repeat, "repeat"),
    peers,
  };
}

/** Peers that are here; the others go to `failures` with their reasons. */
async function prepareAll(peers: readonly Peer[], failures: Failure[]) {
  const ready: (ReadyPeer & Peer)[] = [];
  for (const peer of peers) {
    try {
      const found = await peer.prepare();
      ready.push({ ...peer, ...found });
      console.error(`${peer.name}: ${found.version}`);
    } catch (error) {
      failures.push({ peer: peer.name, reason: (error as Error).message });
      console.error(`${peer.name}: NOT MEASURED: ${(error as Error).message}`);
    }
  }
  return ready;
}

/** All peers take turns within each repeat, so that a drifting machine touches them alike. */
async function measureAll(
  peers: readonly (ReadyPeer & Peer)[],
  { models, threads, repeats }: Settings,
  failures: Failure[],
  keep: (measurements: readonly Measurement[]) => void,
): Promise<Measurement[]> {
  const files: string[] = [];
  for (const model of models) files.push(await modelPath(model, benchHome()));
  for (const file of files) warmPageCache(file);
  const measurements: Measurement[] = [];
  const turns = Array.from(
    { length: repeats },
    (_, repeat) =>
      models.flatMap((model, i) =>
        threads.flatMap((count) =>
          peers.filter((peer) => takesPart(peer, model, repeat))
            .map((peer) => ({ repeat, model, file: files[i], threads: count, peer }))
        )
      ),
  ).flat();
  for (const { repeat, model, file, threads, peer } of turns) {
    const name = modelName(model);
    const busyBefore = await busyShare();
    try {
      const figures = await peer.measure({ model: file, threads, isBrief: isGenerated(model) });
      measurements.push({ peer: peer.name, repeat, model: name, threads, busyBefore, figures });
      keep(measurements);
      const { prefill, decode } = figures;
      console.error(
        `${repeat + 1}/${repeats} ${name} ${threads} ${peer.name}: ` +
          `prefill ${prefill?.toFixed(1)}, decode ${decode?.toFixed(1)}`,
      );
    } catch (error) {
      const reason = `${name}, ${threads} threads: ${(error as Error).message}`;
      failures.push({ peer: peer.name, reason });
      console.error(`${peer.name}: FAILED: ${reason}`);
    }
  }
  return measurements;
}

function takesPart({ maxRepeats = Infinity, isSmallOnly }: Peer, model: string, repeat: number) {
  return repeat < maxRepeats && !(isSmallOnly && isGenerated(model));
}

/** Reads a file once: loading is timed with the system's cache warm, for whoever comes first. */
function warmPageCache(file: string): void {
  const chunk = new Uint8Array(1 << 20);
  const handle = openSync(file, "r");
  while (readSync(handle, chunk) > 0);
  closeSync(handle);
}

async function main(settings: Settings): Promise<number> {
  const run = describeRun();
  const failures: Failure[] = [];
  const peers = await prepareAll(settings.peers, failures);
  /** After each measurement, so that a run that is stopped leaves what it had. */
  const keep = (measurements: readonly Measurement[]): void => {
    if (measurements.length === 0) return;
    saveResult("peers", run, {
      ...{ promptTokens: PROMPT_TOKENS, generatedTokens: GENERATED_TOKENS },
      repeats: settings.repeats,
      peers: peers.map(({ name, version }) => ({ name, version })),
      ...{ notMeasured: failures, goals: goalsOf(summarize(measurements)) },
      ...{ rows: summarize(measurements), measurements },
    });
  };
  const measurements = await measureAll(peers, settings, failures, keep);
  const rows = summarize(measurements);
  if (rows.length > 0) console.log(`${table(rows)}\n\n${goalTable(goalsOf(rows))}`);
  for (const { peer, reason } of failures) console.log(`not measured: ${peer}: ${reason}`);
  keep(measurements);
  return failures.length > 0 ? 1 : 0;
}

if (import.meta.main) await runProgram({ usage: USAGE, read: readSettings, run: main });
