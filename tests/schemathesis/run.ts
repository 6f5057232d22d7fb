/**
 * Runs schemathesis (PyPI) over /openapi.json of a server with a tiny model: all its checks and one of our own, a fixed
 * seed, bounded examples. Needs Python 3.10 or later and, the first time, its package index.
 * `deno run --allow-all tests/schemathesis/run.ts [WORDS FOR st run]`
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { startApiServer } from "../support/api_server.ts";
import { fixturePath } from "../support/fixture.ts";

const VERSION = "4.32.5";
const SEED = 1;
/** Of an operation, beside those for the kinds of values of each field: some 6,000 requests in all, in about a minute. */
const MAX_EXAMPLES = 10;
const KEY = "schemathesis";

/** What it counts. */
interface Report {
  readonly complete: boolean;
  readonly test_cases: { readonly generated: number; readonly with_failures: number };
  readonly errors: readonly unknown[];
}

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));

/** Runs a command that prints as it likes; gives its exit code. */
function run(command: string, args: readonly string[], options: object = {}): Promise<number> {
  const child = spawn(command, args, { stdio: "inherit", ...options });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  });
}

/** Path of the command, installed once. */
async function install(): Promise<string> {
  const caches = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  const folder = join(caches, "aha-ci", `schemathesis-${VERSION}`);
  const command = join(folder, "bin/st");
  if (existsSync(command)) return command;
  const pip = ["-m", "pip", "install", "--quiet", `schemathesis==${VERSION}`];
  const code = await run("python3", ["-m", "venv", folder]) ||
    await run(join(folder, "bin/python"), pip);
  if (code === 0) return command;
  rmSync(folder, { recursive: true, force: true });
  throw new Error(`schemathesis ${VERSION} cannot be installed`);
}

/** Passed and failed requests; what broke off counts as one that failed. */
function countsOf(reportPath: string): { readonly passed: number; readonly failed: number } {
  if (!existsSync(reportPath)) return { passed: 0, failed: 1 };
  const { complete, test_cases: cases, errors }: Report = JSON.parse(
    readFileSync(reportPath, "utf8"),
  );
  const failed = cases.with_failures + errors.length + (complete ? 0 : 1);
  return { passed: cases.generated - cases.with_failures, failed };
}

async function main(): Promise<number> {
  const st = await install();
  const source = fixturePath("models/llama_untied/gguf/model-F32.gguf");
  const lora = [{ name: "tuned", from: fixturePath("train/llama_untied/lora_1_peft") }];
  await using server = await startApiServer({
    // whatever a request calls it, so that most get past that
    engine: { models: [{ name: "tiny", source, aliases: ["*"], loadOptions: { lora } }] },
    app: { apiKeys: [{ name: "schemathesis", key: KEY }] },
  });
  const folder = mkdtempSync(join(tmpdir(), "aha-schemathesis-"));
  const report = join(folder, "report.json");
  try {
    await run(st, [
      ...["--config-file", here("schemathesis.toml"), "run", `${server.url}/openapi.json`],
      ...["--checks", "all", "--continue-on-failure", "--request-timeout", "30", "--no-color"],
      ...["--header", `Authorization: Bearer ${KEY}`, "--seed", `${SEED}`],
      ...["--max-examples", `${MAX_EXAMPLES}`, "--report", "json", "--report-json-path", report],
      ...process.argv.slice(2),
    ], { cwd: folder, env: { ...process.env, SCHEMATHESIS_HOOKS: here("hooks.py") } });
    const { passed, failed } = countsOf(report);
    for (const fault of server.faults) console.error("A fault of the server:", fault);
    console.log(`${passed} passed, ${failed + server.faults.length} failed`);
    return failed + server.faults.length;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

process.exit(await main() === 0 ? 0 : 1);
