/** Where Deno takes the core from: a remote copy of the packages, the program itself. Node and browsers are in on_node and in_browser. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { EndedProcess } from "../support/aha_process.ts";
import { GREEDY_IDS, MODEL_PATH, PROMPT_IDS } from "./greedy_fixture.ts";
import { startPageServer } from "./page_server.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** A program that reads the model from its input, for which no permission is needed. */
const program = (head: string): string => `
  ${head}
  import { loadModel } from "@aha/runtime";
  const model = await loadModel(await new Response(Deno.stdin.readable).blob(), { threads: 2 });
  const options = { temperature: 0, maxTokens: ${GREEDY_IDS.length}, ignoreEnd: true };
  const { ids } = await model.complete(${JSON.stringify(PROMPT_IDS)}, options);
  console.log(JSON.stringify({ ids: [...ids], ...model.backend }));
`;

const ANSWER = {
  ids: [...GREEDY_IDS],
  name: "wasm",
  variant: "relaxed_threads",
  threads: Math.min(2, navigator.hardwareConcurrency),
};

/** Runs the program in an empty folder; `imports` are those of its deno.json. */
async function runProgram(
  head: string,
  imports: Readonly<Record<string, string>>,
  permissions: readonly string[],
): Promise<EndedProcess> {
  const folder = fs.mkdtempSync(join(tmpdir(), "aha-loading-"));
  fs.writeFileSync(join(folder, "deno.json"), JSON.stringify({ imports }));
  fs.writeFileSync(join(folder, "program.ts"), program(head));
  const words = ["run", "--no-prompt", "--no-check", "--no-lock", ...permissions];
  // Not by node:child_process, where a Deno that is given no permission inherits those of this one.
  const command = new Deno.Command(Deno.execPath(), {
    args: [...words, join(folder, "program.ts")],
    env: { NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  });
  try {
    const child = command.spawn();
    const input = new Blob([fs.readFileSync(MODEL_PATH)]).stream();
    input.pipeTo(child.stdin).catch(() => {}); // it may end without having read all
    const { code, stdout, stderr } = await child.output();
    return { code, out: new TextDecoder().decode(stdout), error: new TextDecoder().decode(stderr) };
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

/** What the packages' names stand for, for packages at `base`. */
function importsAt(base: string): Record<string, string> {
  const { imports } = JSON.parse(
    fs.readFileSync(join(ROOT, "packages/runtime/deno.json"), "utf8"),
  );
  return {
    ...imports,
    "@aha/weights": `${base}weights/manifest.ts`,
    "@aha/runtime": `${base}packages/runtime/mod.ts`,
    "@aha/runtime/embedded": `${base}packages/runtime/src/backend/wasm/embedded.js`,
  };
}

/** Serves the workspace while `use` runs, and takes what came from there out of Deno's module cache. */
async function withRemotePackages(
  use: (imports: Record<string, string>, host: string) => Promise<void>,
): Promise<void> {
  const server = startPageServer(ROOT, MODEL_PATH, {});
  const { hostname, port } = new URL(server.origin);
  try {
    await use(importsAt(`${server.origin}/`), `${hostname}:${port}`);
  } finally {
    await server.close();
    const info = execFileSync(process.execPath, ["info", "--json"], { encoding: "utf8" });
    const cached = join(JSON.parse(info).modulesCache, "http", `${hostname}_PORT${port}`);
    fs.rmSync(cached, { recursive: true, force: true });
  }
}

Deno.test("loadModel: the core of a remote module comes from beside it, with net permission alone", async () => {
  await withRemotePackages(async (imports, host) => {
    const permissions = [`--allow-import=${host}`, `--allow-net=${host}`];
    const { code, out, error } = await runProgram("", imports, permissions);
    assertEquals(code, 0, error);
    assertEquals(JSON.parse(out), ANSWER);
  });
});

Deno.test("embedded: a remote module needs no permission", async () => {
  await withRemotePackages(async (imports, host) => {
    const permissions = [`--allow-import=${host}`];
    const head = `import "@aha/runtime/embedded";`;
    const { code, out, error } = await runProgram(head, imports, permissions);
    assertEquals(code, 0, error);
    assertEquals(JSON.parse(out), ANSWER);
    const without = await runProgram("", imports, permissions);
    assertEquals(without.code, 1);
    assertStringIncludes(without.error, "No build of the core runs here");
  });
});

Deno.test("embedded: a local module needs no permission", async () => {
  const imports = importsAt(new URL("../..", import.meta.url).href);
  const { code, out, error } = await runProgram(`import "@aha/runtime/embedded";`, imports, []);
  assertEquals(code, 0, error);
  assertEquals(JSON.parse(out), ANSWER);
  const without = await runProgram("", imports, []);
  assertEquals(without.code, 1);
  assertStringIncludes(without.error, "--allow-read");
});
