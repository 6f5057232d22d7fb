/** What a server still holds when nobody asks anything of it any more: places, pages, open files. Judges nothing. */
import { readdirSync } from "node:fs";

/** What is held; all 0 where nothing was left behind. */
export interface Leftovers {
  /** Places that are taken, requests that wait, answers in the making and pages of the cache that they hold. */
  readonly places: number;
  readonly waiting: number;
  readonly answers: number;
  readonly pages: number;
  /** Files and connections more than before, those of clients that stay not counted. */
  readonly openFiles: number;
}

/** Connections close by themselves when nobody has used them for 15 s (`ListenOptions.idleTimeoutMs`). */
const PATIENCE_MS = 20_000;
const PAUSE_MS = 250;

/** How many files and connections a process holds. */
export function openFilesOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Waits until nothing is held; gives what is when patience ends. */
export async function leftoversOf(
  { url, pid }: { readonly url: string; readonly pid: number },
  openFilesBefore: number,
): Promise<Leftovers> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const text = await (await fetch(`${url}/metrics`, { headers: { connection: "close" } })).text();
    const sumOf = (name: string) => sumOfSamples(text, name);
    const leftovers = {
      places: sumOf("llamacpp:requests_processing"),
      waiting: sumOf("llamacpp:requests_deferred"),
      answers: sumOf("aha_model_answers"),
      pages: sumOf('aha_kv_pages{.*state="used"}'),
      openFiles: Math.max(0, openFilesOf(pid) - openFilesBefore),
    };
    if (Object.values(leftovers).every((count) => count === 0)) return leftovers;
    if (performance.now() > until) return leftovers;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/** @throws {RangeError} where there is no such sample: then it says nothing of what is held */
export function sumOfSamples(metrics: string, name: string): number {
  const samples = [...metrics.matchAll(new RegExp(`^${name}(\\{[^}]*\\})? (\\d+)$`, "gm"))];
  if (samples.length === 0) throw new RangeError(`/metrics has no sample ${name}`);
  return samples.reduce((sum, sample) => sum + Number(sample.at(-1)), 0);
}
