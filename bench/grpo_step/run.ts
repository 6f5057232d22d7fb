/** `deno task bench:grpo_step`: whole GRPO steps of Aha and of TRL on the CPU, the same model and batch, in turns; a table, the goals, a JSON in bench/results. Trains nothing itself. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { describeRun, saveResult } from "../measured_run.ts";
import { busyShare } from "../peers/busy_share.ts";
import { lastLine, runMeasured } from "../peers/measured_process.ts";
import { expectThreads, runProgram } from "../program.ts";
import {
  GOALS,
  type Measurement,
  type PeerName,
  PEERS,
  rowsOf,
  table,
  verdicts,
} from "./comparison.ts";
import { writeModelFiles } from "./model_files.ts";
import { expectSameWork, GROUP, type Job, jobOf, PROMPTS, type Told, WAYS } from "./workload.ts";

const USAGE =
  "deno task bench:grpo_step --python PYTHON [--ways fast,lean] [--threads 2] [--steps 3] " +
  "[--repeat 2] [--peer-batch 256]    PYTHON has torch, transformers and trl; default: AHA_TRL_PYTHON, or no peer";
const WARM_UPS = 1;

interface Settings extends Pick<Job, "threads" | "steps" | "peerBatch"> {
  readonly python?: string;
  readonly ways: readonly (typeof WAYS[number])[];
  readonly repeats: number;
}

/** Reads the words of the command; throws with what is wrong. */
export function readSettings(words: readonly string[]): Settings {
  const text = (value: string) => ({ type: "string", default: value }) as const;
  const { values } = parseArgs({
    args: [...words],
    options: {
      ...{ ways: text(WAYS.join()), threads: text("2"), steps: text("3"), repeat: text("2") },
      ...{ "peer-batch": text(`${PROMPTS * GROUP}`), python: { type: "string" } },
    },
  });
  const count = (option: string, word: string): number => {
    if (/^[1-9]\d{0,2}$/.test(word)) return Number(word);
    throw new RangeError(`--${option} is ${JSON.stringify(word)}, not a whole number from 1 on`);
  };
  const peerBatch = count("peer-batch", values["peer-batch"]);
  if (PROMPTS * GROUP % peerBatch !== 0 || peerBatch % GROUP !== 0) {
    throw new RangeError(
      `--peer-batch is ${peerBatch}, which does not divide ${
        PROMPTS * GROUP
      } in groups of ${GROUP}`,
    );
  }
  return {
    python: values.python ?? process.env.AHA_TRL_PYTHON,
    ways: values.ways.split(",").map((name) => {
      const way = WAYS.find((one) => one === name);
      if (way) return way;
      throw new RangeError(`No way ${JSON.stringify(name)}: there are ${WAYS.join(", ")}`);
    }),
    threads: count("threads", values.threads),
    steps: WARM_UPS + count("steps", values.steps),
    repeats: count("repeat", values.repeat),
    peerBatch,
  };
}

/** Words of the command line that runs a peer's job. */
function commandOf(peer: PeerName, python: string, job: string): [string, string[]] {
  const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));
  if (peer === "trl") return [python, [here("peer_trl.py"), job]];
  return [process.execPath, ["run", "--no-check", "--allow-all", here("aha.ts"), job]];
}

/** Both take turns within each repeat, each in a fresh process. */
async function measureAll(
  settings: Settings,
  where: string,
  keep: (measurements: readonly Measurement[]) => void,
): Promise<Measurement[]> {
  const { python, ways, repeats, steps } = settings;
  const files = await writeModelFiles(where);
  const peers = PEERS.filter((peer) => peer === "aha" || python);
  const measurements: Measurement[] = [];
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (const way of ways) {
      const job = join(where, `${way}.json`);
      writeFileSync(job, JSON.stringify(jobOf({ ...settings, ...files, way })));
      for (const peer of peers) {
        const busyBefore = await busyShare();
        const { out, peakBytes } = await runMeasured(...commandOf(peer, python ?? "", job));
        const told: Told = JSON.parse(lastLine(out));
        expectSameWork(told, measurements[0]?.told ?? told, steps);
        measurements.push({ ...{ peer, way, repeat, busyBefore, peakBytes }, told });
        keep(measurements);
        const shown = (seconds: readonly number[]) =>
          seconds.map((one) => one.toFixed(2)).join(" ");
        const peak = peakBytes === null ? "-" : (peakBytes / 2 ** 20).toFixed(0);
        console.error(
          `${repeat + 1}/${repeats} ${way} ${peer}: ${shown(told.seconds)} s, ` +
            `processor ${shown(told.cpuSeconds)} s, ${peak} MiB`,
        );
      }
    }
  }
  return measurements;
}

async function main(settings: Settings): Promise<number> {
  expectThreads(settings.threads);
  const run = describeRun();
  const where = mkdtempSync(join(tmpdir(), "aha-grpo-step-"));
  const { python, ...shown } = settings;
  const told = { ...shown, warmUps: WARM_UPS, prompts: PROMPTS, group: GROUP };
  /** After each process, so that a run that is stopped leaves what it had. */
  const keep = (measurements: readonly Measurement[]): string => {
    const rows = rowsOf(measurements, WARM_UPS);
    const reached = { goals: GOALS, verdicts: verdicts(rows), rows };
    return saveResult("grpo_step", run, { settings: told, ...reached, measurements });
  };
  try {
    const measurements = await measureAll(settings, where, keep);
    const rows = rowsOf(measurements, WARM_UPS);
    console.log([table(rows), ...verdicts(rows), keep(measurements)].join("\n"));
    return python ? 0 : 1;
  } finally {
    rmSync(where, { recursive: true });
  }
}

if (import.meta.main) await runProgram({ usage: USAGE, read: readSettings, run: main });
