/** Runs `aha`, or a small script, as a process of its own with a time limit. Interprets nothing that it prints. */
import { spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** How a process ended. */
export interface EndedProcess {
  /** `null`: it had to be killed at the time limit. */
  readonly code: number | null;
  readonly out: string;
  readonly error: string;
}

/** What a process is given. */
export interface ProcessInput {
  readonly stdin?: string;
  /** Default 20,000. */
  readonly timeoutMs?: number;
  readonly env?: Readonly<Record<string, string>>;
}

const MAIN = fileURLToPath(new URL("../../packages/cli/main.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../deno.json", import.meta.url));

/** Runs `aha` with these words. */
export function ahaProcess(
  words: readonly string[],
  input: ProcessInput = {},
): Promise<EndedProcess> {
  return denoProcess([MAIN, ...words], input);
}

/** What Deno is called with to run `aha` with these words. */
export function ahaArguments(words: readonly string[]): string[] {
  return ["run", "--no-check", "--allow-all", "--config", CONFIG, MAIN, ...words];
}

/** Runs a script and its words with the workspace's import map. */
export function denoProcess(
  words: readonly string[],
  { stdin = "", timeoutMs = 20_000, env = {} }: ProcessInput = {},
): Promise<EndedProcess> {
  const all = ["run", "--no-check", "--allow-all", "--config", CONFIG, ...words];
  const child = spawn(process.execPath, all, {
    env: { ...process.env, NO_COLOR: "1", ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const text = { out: "", error: "" };
  child.stdout.on("data", (chunk) => text.out += chunk);
  child.stderr.on("data", (chunk) => text.error += chunk);
  child.stdin.on("error", () => {}); // it may end without having read all
  child.stdin.end(stdin);
  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  return new Promise((resolve) => {
    child.once("close", (code: number | null) => {
      clearTimeout(timer);
      resolve({ code, ...text });
    });
  });
}
