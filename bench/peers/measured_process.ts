/** A fresh process and the most memory that any process of its tree used. Knows no peer. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import process from "node:process";

const POLL_MS = 50;
const TIMEOUT_MS = 600_000;

/** How a process ended. */
export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly error: string;
}

/** A process that runs. */
export interface MeasuredProcess {
  readonly ended: Promise<Outcome>;
  /** VmHWM of the largest process of the tree so far; null where the system does not tell. */
  peakBytes(): number | null;
  kill(): void;
}

/** Starts a program. Its memory is read from /proc a few times a second: VmHWM only grows. */
export function startMeasured(program: string, words: readonly string[]): MeasuredProcess {
  const child = spawn(program, words, {
    env: { ...process.env, NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const text = { out: "", error: "" };
  child.stdout.on("data", (chunk) => text.out += chunk);
  child.stderr.on("data", (chunk) => text.error += chunk);
  let peakBytes = 0;
  const poll = (): void => {
    if (child.pid) peakBytes = Math.max(peakBytes, largestBytes(child.pid));
  };
  const timers = [
    setInterval(poll, POLL_MS),
    setTimeout(() => child.kill("SIGKILL"), TIMEOUT_MS),
  ];
  const ended = new Promise<Outcome>((resolve, reject) => {
    const settle = (then: () => void): void => {
      timers.forEach(clearTimeout);
      then();
    };
    child.once("error", (error) => settle(() => reject(error)));
    child.once("close", (code) => settle(() => resolve({ code, ...text })));
  });
  return { ended, peakBytes: () => peakBytes || null, kill: () => child.kill() };
}

/** Runs a program to its end and gives what it printed with its peak; throws where it fails. */
export async function runMeasured(
  program: string,
  words: readonly string[],
): Promise<{ readonly out: string; readonly peakBytes: number | null }> {
  const started = startMeasured(program, words);
  const { code, out, error } = await started.ended;
  if (code !== 0) {
    throw new Error(`${basename(program)} ended with ${code}: ${reasonOf(error || out)}`);
  }
  return { out, peakBytes: started.peakBytes() };
}

/** The message of the last error that a JS engine printed with its stack, else the last line. */
function reasonOf(text: string): string {
  const thrown = /^(?:error: )?(?:Uncaught )?(?:\(in promise\) )?\w*Error: (.+)$/;
  const messages = text.split("\n").flatMap((line) => thrown.exec(line)?.[1] ?? []);
  return messages.at(-1) ?? lastLine(text);
}

/** The last line that says something. */
export function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1) ?? "";
}

/** VmHWM of the largest among a process and its descendants; 0 where /proc does not tell. */
function largestBytes(pid: number): number {
  const read = (path: string): string => {
    try {
      return readFileSync(`/proc/${pid}/${path}`, "utf8");
    } catch {
      return ""; // ended meanwhile, or no /proc
    }
  };
  const own = Number(/^VmHWM:\s+(\d+) kB$/m.exec(read("status"))?.[1] ?? 0) * 1024;
  const children = read(`task/${pid}/children`).split(" ").filter(Boolean).map(Number);
  return Math.max(own, ...children.map(largestBytes));
}
