/** What is true of a whole run: machine, commit, time; and the file of its results. Measures no speed. */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** What every JSON of bench/results begins with. */
export interface MeasuredRun {
  readonly date: string;
  readonly commit: string;
  readonly machine: {
    readonly processor: string;
    readonly cores: number;
    readonly memoryGiB: number;
    readonly loadAverageBefore: readonly number[];
  };
  readonly deno: typeof Deno.version;
}

/** The run that begins now. */
export function describeRun(): MeasuredRun {
  const [{ model: processor }] = cpus();
  return {
    ...{ date: new Date().toISOString(), commit: commit() },
    machine: {
      ...{ processor: processor.trim(), cores: cpus().length },
      ...{ memoryGiB: Math.round(totalmem() / 2 ** 30), loadAverageBefore: loadavg() },
    },
    deno: Deno.version,
  };
}

/** Writes `NAME-DATE.json` of a run and gives its path from the root. */
export function saveResult(name: string, run: MeasuredRun, result: object): string {
  const file = `bench/results/${name}-${run.date.slice(0, 16).replace(":", "")}.json`;
  mkdirSync(join(ROOT, "bench/results"), { recursive: true });
  const whole = { ...run, loadAverageAfter: loadavg(), ...result };
  writeFileSync(join(ROOT, file), JSON.stringify(whole, null, 2) + "\n");
  return file;
}

function commit(): string {
  const git = (...words: string[]) =>
    execFileSync("git", words, { cwd: ROOT, encoding: "utf8" }).trim();
  try {
    const changes = git("status", "--porcelain", "--", ".", ":!bench/results");
    return git("rev-parse", "--short", "HEAD") + (changes ? "+changes" : "");
  } catch {
    return "unknown";
  }
}
