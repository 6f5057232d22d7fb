/** Runs the steps of a gate one after the other and sums what they passed and failed. Knows no particular step. */
import { spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** One command of a gate. */
export interface Step {
  readonly name: string;
  /** The program and its arguments; `deno` stands for the Deno that runs now. */
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Passed and failed tests; a step without tests counts as one. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
}

/** The closing lines of Deno's and cargo's runners. */
const CLOSING_LINES =
  /^(?:(?:ok|FAILED) \| (\d+) passed.*? \| (\d+) failed|test result: \w+\. (\d+) passed; (\d+) failed)/gm;
/** The closing line of a gate inside a gate, which has counted the others already. */
const SUM_LINE = /^(\d+) passed, (\d+) failed$/gm;

/** Runs all steps, also after a failure; prints the sum as the last line and gives the exit code. */
export async function runSteps(steps: readonly Step[]): Promise<number> {
  let total: Tally = { passed: 0, failed: 0 };
  const failures: string[] = [];
  for (const step of steps) {
    const start = performance.now();
    console.log(`\n== ${step.name}`);
    const { code, output } = await run(step);
    const tally = tallyOf(output, code);
    total = { passed: total.passed + tally.passed, failed: total.failed + tally.failed };
    if (tally.failed > 0) failures.push(step.name);
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(`== ${step.name}: ${tally.failed === 0 ? "ok" : "FAILED"} (${seconds} s)`);
  }
  if (failures.length > 0) console.log(`\nfailed: ${failures.join(", ")}`);
  console.log(`\n${total.passed} passed, ${total.failed} failed`);
  return total.failed === 0 ? 0 : 1;
}

function tallyOf(output: string, code: number): Tally {
  const sum = [...output.matchAll(SUM_LINE)].at(-1);
  const counts = sum ? [sum] : [...output.matchAll(CLOSING_LINES)];
  let passed = 0;
  let failed = 0;
  for (const [, good, bad, otherGood, otherBad] of counts) {
    passed += Number(good ?? otherGood);
    failed += Number(bad ?? otherBad);
  }
  if (code !== 0) return { passed, failed: Math.max(1, failed) };
  return { passed: Math.max(1, passed), failed };
}

function run({ command, env }: Step): Promise<{ code: number; output: string }> {
  const [program, ...args] = command;
  const child = spawn(program === "deno" ? process.execPath : program, args, {
    cwd: ROOT,
    env: { ...process.env, NO_COLOR: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const take = (chunk: unknown) => {
    output += chunk;
    process.stdout.write(String(chunk));
  };
  child.stdout.on("data", take);
  child.stderr.on("data", take);
  return new Promise((resolve) => {
    child.on("error", (error) => resolve({ code: 1, output: `${output}${error.message}` }));
    child.on("close", (code) => resolve({ code: code ?? 1, output }));
  });
}
