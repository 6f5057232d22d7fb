/** The npm packages under Node 22: library, command, types. Needs npm and its registry, so `deno task ok` runs it, not `test`. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ESBUILD_PACKAGE } from "../../packages/npm/build.ts";
import { GREEDY_IDS, MODEL_PATH, PROMPT_IDS } from "./greedy_fixture.ts";
import { Installation, runProcess } from "./installation.ts";

const installation = Installation.create("node@22", "typescript@5.9.3", ESBUILD_PACKAGE);

Deno.test.afterAll(() => installation.remove());

/** A program that answers with greedy tokens; `end` is what it does with the model at last. */
const program = (head: string, end: string): string => `
  ${head}
  import { loadModel } from "@aha/runtime";
  const model = await loadModel(${JSON.stringify(MODEL_PATH)}, { threads: 2 });
  const options = { temperature: 0, maxTokens: ${GREEDY_IDS.length}, ignoreEnd: true };
  const { ids } = await model.complete(${JSON.stringify(PROMPT_IDS)}, options);
  console.log(JSON.stringify({ node: process.versions.node.split(".")[0], ids: [...ids], ...model.backend }));
  ${end}
`;

const ANSWER = {
  node: "22",
  ids: [...GREEDY_IDS],
  name: "wasm",
  variant: "relaxed_threads",
  threads: Math.min(2, navigator.hardwareConcurrency),
};

async function assertAnswers(name: string, source: string): Promise<void> {
  installation.write(name, source);
  const { code, out, error } = await installation.run("node", name);
  assertEquals(code, 0, error);
  assertEquals(JSON.parse(out), ANSWER);
}

Deno.test("npm packages: hold JavaScript, declarations, core, license and readme, and nothing of this machine", () => {
  const scope = join(installation.folder, "node_modules/@aha");
  for (const name of ["runtime", "grpo", "cli", "weights"]) {
    const files = fs.readdirSync(join(scope, name), { recursive: true, encoding: "utf8" });
    for (const wanted of ["LICENSE", "README.md", "package.json"]) {
      assert(files.includes(wanted), `${name}: no ${wanted}`);
    }
    for (const file of files.filter((file) => file.includes("."))) {
      assertMatch(file, /\.(js|d\.ts|wasm|md|json)$/);
      assert(!/_test\.|build\.json|\.d\.ts\.d\.ts|deno\.json/.test(file), `${name}: ${file}`);
      const text = fs.readFileSync(join(scope, name, file), "latin1");
      assert(!text.includes("file:///"), `${name}: ${file} names a place of this machine`);
    }
  }
});

Deno.test("npm packages: depend on each other's version and on what they import, and on nothing else", () => {
  const manifest = (name: string) =>
    JSON.parse(
      fs.readFileSync(join(installation.folder, "node_modules/@aha", name, "package.json"), "utf8"),
    );
  const { version } = manifest("runtime");
  const names = (name: string) => Object.keys(manifest(name).dependencies);
  assertEquals(names("runtime"), ["@aha/weights", "@huggingface/jinja", "@zip.js/zip.js"]);
  assertEquals(names("cli"), ["@aha/runtime", "cli-progress"]);
  assertEquals(names("grpo"), ["@aha/runtime"]);
  assertEquals(names("weights"), []);
  assertEquals(manifest("cli").dependencies["@aha/runtime"], version);
  for (const name of ["runtime", "grpo", "cli", "weights"]) {
    assertMatch(manifest(name).description, /^[A-Z]/);
    assertEquals(manifest(name).devDependencies, undefined);
  }
});

Deno.test("npm package @aha/runtime: greedy tokens with 2 threads, closed or not, with the core embedded", async () => {
  await assertAnswers("closes.js", program("", "await model.close();"));
  await assertAnswers("forgets.js", program("", ""));
  await assertAnswers("embedded.js", program(`import "@aha/runtime/embedded";`, ""));
});

Deno.test("npm package @aha/runtime: a program in one file needs no other file", async () => {
  installation.write("program.js", program(`import "@aha/runtime/embedded";`, ""));
  const options = ["--bundle", "--format=esm", "--platform=node", "--outfile=bundle.mjs"];
  const bundled = await installation.run(
    "esbuild",
    "program.js",
    ...options,
    "--log-level=warning",
  );
  assertEquals(bundled, { code: 0, out: "", error: "" });
  const bundle = fs.readFileSync(join(installation.folder, "bundle.mjs"), "utf8");
  const node = Deno.realPathSync(join(installation.folder, "node_modules/.bin/node"));
  const folder = fs.mkdtempSync(join(tmpdir(), "aha-bundle-"));
  fs.writeFileSync(join(folder, "program.mjs"), bundle);
  try {
    const { code, out, error } = await runProcess(node, ["program.mjs"], { cwd: folder });
    assertEquals(code, 0, error);
    assertEquals(JSON.parse(out), ANSWER);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});

Deno.test("npm package @aha/cli: the command aha", async () => {
  const help = await installation.run("npx", "--no-install", "aha", "--help");
  assertEquals(help.code, 0, help.error);
  assertMatch(help.out, /aha/);
  const ids = PROMPT_IDS.join(",");
  const words = [
    "run",
    MODEL_PATH,
    "--ids",
    ids,
    "--json",
    "--temperature",
    "0",
    "--max-tokens",
    "4",
  ];
  const { code, out, error } = await installation.run("npx", "--no-install", "aha", ...words);
  assertEquals(code, 0, error);
  assertEquals(JSON.parse(out).ids, GREEDY_IDS.slice(0, 4));
  const missing = await installation.run("aha", "run", "missing.gguf", "Hi");
  assertEquals({ code: missing.code, out: missing.out }, { code: 1, out: "" });
});

Deno.test("npm packages: types resolve", async () => {
  installation.write(
    "types.ts",
    `import "@aha/runtime/embedded";
    import { loadModel, type Completion } from "@aha/runtime";
    import { main } from "@aha/cli";
    import { openGguf } from "@aha/runtime/gguf";
    import { createTokenizer } from "@aha/runtime/tokenizer";
    import { quantizeModel } from "@aha/runtime/quantize";
    import { pull } from "@aha/runtime/weights";
    import type { Ops } from "@aha/runtime/ops";
    export const parts = [main, openGguf, createTokenizer, quantizeModel, pull] satisfies unknown[];
    export type Linear = Ops["linear"];
    await using model = await loadModel("a.gguf", { threads: 2 });
    const { text }: Completion = await model.complete("Hi", { maxTokens: 1 });
    // @ts-expect-error there is no such option
    await model.complete(text, { maxWords: 1 });
    `,
  );
  const flags = ["--noEmit", "--strict", "--target", "esnext", "--module", "nodenext"];
  const { code, out, error } = await installation.run("tsc", ...flags, "types.ts");
  assertEquals({ code, out, error }, { code: 0, out: "", error: "" });
});
