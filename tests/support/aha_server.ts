/** Runs `aha serve` as a process of its own, on a free port. Interprets nothing that it prints but where it listens. */
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { EndedProcess } from "./aha_process.ts";

const MAIN = fileURLToPath(new URL("../../packages/cli/main.ts", import.meta.url));
const DENO = [process.execPath, "run", "--no-check", "--allow-all", MAIN];
const TIME_LIMIT_MS = 60_000;

/** A server's process. */
export interface AhaServer {
  readonly pid: number;
  /** Without a slash at its end. */
  readonly url: string;
  /** What it has printed so far. */
  readonly printed: { readonly out: string; readonly error: string };
  readonly ended: Promise<EndedProcess>;
  /** Posts JSON. */
  readonly post: (path: string, body: unknown, headers?: HeadersInit) => Promise<Response>;
  signal(name: "SIGINT" | "SIGTERM"): void;
  /** Waits until /health says that the models are there. */
  ready(): Promise<void>;
}

/** What of the process is not as usual. */
export interface AhaServerChanges {
  readonly env?: Readonly<Record<string, string>>;
  /** The command that `serve` and its words are given to; default: this checkout's. */
  readonly command?: readonly string[];
  /** After so long it is killed. Default a minute. */
  readonly timeLimitMs?: number;
}

/** Starts `aha serve` with these words and gives it back when it listens; kills it at a time limit. */
export async function startAhaServer(
  words: readonly string[],
  { env = {}, command = DENO, timeLimitMs = TIME_LIMIT_MS }: AhaServerChanges = {},
): Promise<AhaServer> {
  const [program, ...first] = command;
  const child = spawn(program, [...first, "serve", ...words, "--port", "0"], {
    env: { ...process.env, NO_COLOR: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const printed = { out: "", error: "" };
  const { promise: listening, resolve, reject } = Promise.withResolvers<string>();
  child.stdout.on("data", (chunk) => printed.out += chunk);
  child.stderr.on("data", (chunk) => {
    printed.error += chunk;
    const [, url] = /^Aha serves .* at (http:\S+?)(,.*)?\n/.exec(printed.error) ?? [];
    if (url) resolve(url);
  });
  const ended = endOf(child, printed, timeLimitMs);
  ended.then(({ code }) => reject(new Error(`It ended with ${code}: ${printed.error}`)));
  const url = await listening;
  return {
    ...{ url, printed, ended, pid: child.pid as number },
    post: (path, body, headers = {}) =>
      fetch(url + path, {
        ...{ method: "POST", body: JSON.stringify(body) },
        headers: { "content-type": "application/json", ...headers },
      }),
    signal: (name) => process.kill(child.pid as number, name), // child.kill sends no second signal
    ready: () => untilHealthy(url),
  };
}

function endOf(
  child: ChildProcess,
  printed: AhaServer["printed"],
  timeLimitMs: number,
): Promise<EndedProcess> {
  const timer = setTimeout(() => child.kill("SIGKILL"), timeLimitMs);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code: number | null) => {
      clearTimeout(timer);
      resolve({ code, ...printed });
    });
  });
}

async function untilHealthy(url: string): Promise<void> {
  for (let i = 0; i < 600; i++) {
    const response = await fetch(`${url}/health`);
    await response.body?.cancel();
    if (response.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${url}/health has not come to be well`);
}
