/** Runs `aha` in a pseudo terminal, where this machine has util-linux's `script` (Debian's always do). Interprets nothing that it prints. */
import { spawn, spawnSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** Whether `terminalProcess` works here. */
export const hasTerminals: boolean =
  spawnSync("script", ["-qec", "exit 7", "/dev/null"]).status === 7;

/** What is typed once a text has been shown, after the text of the step before. */
export interface TerminalStep {
  readonly after: string;
  readonly keys: string;
}

const MAIN = fileURLToPath(new URL("../../packages/cli/main.ts", import.meta.url));
const TIME_LIMIT_MS = 30_000;

/** Runs `aha` with these words; `out` is what the terminal shows, at the end its state by `stty -a`; `null` a process that had to be killed. */
export function terminalProcess(
  words: readonly string[],
  steps: readonly TerminalStep[],
): Promise<{ readonly code: number | null; readonly out: string }> {
  const all = [process.execPath, "run", "--no-check", "--allow-all", MAIN, ...words];
  const quoted = all.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  const command = `${quoted}; code=$?; stty -a; exit $code`;
  const child = spawn("script", ["-qec", command, "/dev/null"], {
    env: { ...process.env, TERM: "xterm" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const rest = [...steps];
  let [out, seen] = ["", 0];
  child.stdin.on("error", () => {}); // it may have left already
  child.stdout.on("data", (chunk) => {
    out += chunk;
    for (let at = 0; rest.length > 0; seen = at + rest[0].after.length, rest.shift()) {
      at = out.indexOf(rest[0].after, seen);
      if (at < 0) return;
      child.stdin.write(rest[0].keys);
    }
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), TIME_LIMIT_MS);
  return new Promise((resolve) => {
    child.once("close", (code: number | null) => {
      clearTimeout(timer);
      resolve({ code, out });
    });
  });
}
