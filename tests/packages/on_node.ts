/** The npm packages under Node 22: library, command, types. Needs npm and its registry, so `deno task ok` runs it, not `test`. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ESBUILD_PACKAGE } from "../../packages/npm/build.ts";
import { startAhaServer } from "../support/aha_server.ts";
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
  for (const name of ["runtime", "api", "grpo", "cli", "weights"]) {
    const files = fs.readdirSync(join(scope, name), { recursive: true, encoding: "utf8" });
    for (const wanted of ["LICENSE", "README.md", "package.json"]) {
      assert(files.includes(wanted), `${name}: no ${wanted}`);
    }
    for (const file of files.filter((file) => file.includes("."))) {
      assertMatch(file, /\.(js|d\.ts|wasm|md|json|gguf)$/);
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
  assertEquals(names("api"), [
    ...["@aha/runtime", "@cfworker/json-schema", "@hono/node-server", "@hono/zod-openapi", "hono"],
  ]);
  assertEquals(names("cli"), [
    ...["@aha/api", "@aha/grpo", "@aha/runtime", "@aha/weights"],
    ...["cli-progress", "string-width", "zod"],
  ]);
  assertEquals(names("grpo"), [
    ...["@aha/runtime", "@cfworker/json-schema"],
    ...["fastest-levenshtein", "hyparquet", "jsonc-parser"],
  ]);
  assertEquals(names("weights"), []);
  assertEquals(manifest("cli").dependencies["@aha/runtime"], version);
  for (const name of ["runtime", "api", "grpo", "cli", "weights"]) {
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

/** A program that asks an engine for greedy tokens; `end` is what it does at last. */
const engineProgram = (thread: string, end: string): string => `
  import { createEngine } from "@aha/api";
  const tiny = { name: "tiny", source: ${JSON.stringify(MODEL_PATH)}, loadOptions: { threads: 2 } };
  const engine = await createEngine({ models: [tiny], thread: "${thread}", keepAliveMs: 1e7 });
  const lease = await engine.acquire("tiny");
  const prompt = { kind: "ids", ids: ${JSON.stringify(PROMPT_IDS)} };
  const options = { temperature: 0, maxTokens: ${GREEDY_IDS.length}, ignoreEnd: true };
  const ids = [];
  for await (const event of lease.model.generate({ prompt, options })) {
    ids.push(...(event.tokens ?? []).map(({ id }) => id));
  }
  const wrong = await lease.model.tokenBytes([1e9]).catch((error) => error.constructor.name);
  lease[Symbol.dispose]();
  if (wrong !== "RangeError") throw new Error(wrong);
  const { backend } = lease.model.facts;
  console.log(JSON.stringify({ node: process.versions.node.split(".")[0], ids, ...backend }));
  ${end}
`;

Deno.test("npm package @aha/api: an engine in this thread and in a worker, closed or not", async () => {
  for (const thread of ["same", "worker"]) {
    await assertAnswers(`${thread}_closes.js`, engineProgram(thread, "await engine.close();"));
    await assertAnswers(`${thread}_forgets.js`, engineProgram(thread, ""));
  }
});

Deno.test("npm package @aha/api: in a program in one file, which has no file for a worker, the engine takes this thread", async () => {
  installation.write("engine.js", `import "@aha/runtime/embedded";${engineProgram("auto", "")}`);
  const options = ["--bundle", "--format=esm", "--platform=node", "--outfile=engine_bundle.mjs"];
  const bundled = await installation.run("esbuild", "engine.js", ...options, "--log-level=warning");
  assertEquals(bundled, { code: 0, out: "", error: "" });
  const { code, out, error } = await installation.run("node", "engine_bundle.mjs");
  assertEquals(code, 0, error);
  assertEquals(JSON.parse(out), ANSWER);
});

Deno.test("npm package @aha/api: an app that listens, asked for a chat", async () => {
  installation.write(
    "app.js",
    `
    import { createApp, createEngine } from "@aha/api";
    import { listen } from "@aha/api/listen";
    const engine = await createEngine({ models: [{ name: "tiny", source: ${
      JSON.stringify(MODEL_PATH)
    } }] });
    const listener = await listen(createApp(engine, { onAccess: ({ path }) => console.error(path) }), { port: 0 });
    const response = await fetch(listener.url + "/v1/chat/completions", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ messages: [{ role: "user", content: "Hello" }], max_tokens: 3, stream: true }),
    });
    console.log((await response.text()).trim().split("\\n\\n").at(-1));
    await listener.close();
    await engine.close();
    `,
  );
  const ended = await installation.run("node", "app.js");
  assertEquals(ended, { code: 0, out: "data: [DONE]\n", error: "/v1/chat/completions\n" });
});

Deno.test("npm package @aha/cli: aha serve answers and lets a stream end at SIGTERM", async () => {
  const bin = (path: string) => join(installation.folder, "node_modules", path);
  const command = [Deno.realPathSync(bin(".bin/node")), bin("@aha/cli/bin/aha.js")];
  const server = await startAhaServer([`tiny=${MODEL_PATH}`, "--threads", "1"], { command });
  await server.ready();
  const asked = { messages: [{ role: "user", content: "Hello" }], max_tokens: 480, n: 8 };
  const { body } = await server.post("/v1/chat/completions", { ...asked, stream: true });
  const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = (await reader.read()).value ?? "";
  server.signal("SIGTERM");
  for (let next = await reader.read(); !next.done; next = await reader.read()) text += next.value;
  const start = performance.now();
  const { code, out, error } = await server.ended;
  assert(performance.now() - start < 4_000, "waits for connections that clients keep open");
  assertEquals([code, text.endsWith("data: [DONE]\n\n")], [0, true], error);
  assertMatch(out, / 200 POST \/v1\/chat\/completions \d+ ms tiny \d+\+\d+ tokens req_/);
  const refused = await installation.run("aha", "serve", MODEL_PATH, "--host", "0.0.0.0");
  assertEquals({ code: refused.code, out: refused.out }, { code: 2, out: "" });
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

Deno.test("npm package @aha/cli: nano comes along, so that a prompt alone is answered with a thought", async () => {
  const words = ["run", "CHAIN A 9 B 4 C 8 ?", "--seed", "1", "--json"];
  const { code, out, error } = await installation.run("aha", ...words);
  assertEquals(code, 0, error);
  const { model, reasoning, text } = JSON.parse(out);
  assertEquals(model, "nano");
  assertMatch(reasoning, /^A \d B \d C \d$/);
  assertMatch(text, /<answer> \d <\/answer>/);
  assertMatch((await installation.run("aha", "models")).out, /^nano .*comes with Aha/m);
});

const REWARDS = `
  import { readRewards, scoreRewards } from "@aha/grpo/rewards";
  const batch = {
    prompts: ["q", "q"],
    completions: ["\\\\boxed{0.5}", '{"a": 1}'],
    completionIds: [[1], [2, 3]],
    isFinished: [true, true],
    columns: { answer: ["\\\\frac12", "2"] },
    step: 1,
  };
  const scores = async (...configs) =>
    (await scoreRewards(await readRewards(configs), batch)).totals;
`;

Deno.test("npm package @aha/grpo: rewards, those of a module that loops, and in one bundle for browsers", async () => {
  installation.write("loops.mjs", "export default ({ step }) => { for (;;) step++; };");
  installation.write(
    "rewards.js",
    `${REWARDS}
    console.log(JSON.stringify([
      await scores("accuracy", { name: "json_schema", schema: { type: "object" } }),
      await scores({ name: "./loops.mjs", timeout_ms: 300 }),
    ]));`,
  );
  const ended = await installation.run("node", "rewards.js");
  assertEquals(ended, { code: 0, out: "[[1,1],[null,null]]\n", error: "" });
  installation.write("page.js", `${REWARDS}console.log(await scores("accuracy"));`);
  const options = ["--bundle", "--splitting", "--format=esm", "--platform=browser", "--minify"];
  const words = [...options, "--outdir=page", "--log-level=warning", "--external:node:*"];
  assertEquals(await installation.run("esbuild", "page.js", ...words), {
    code: 0,
    out: "",
    error: "",
  });
  const page = fs.statSync(join(installation.folder, "page/page.js"));
  assert(page.size < 100_000, `what a page loads at once has ${page.size} bytes`);
  const bundled = await installation.run("node", "page/page.js");
  assertEquals(bundled, { code: 0, out: "[ 1, 0 ]\n", error: "" });
});

Deno.test("npm packages: types resolve", async () => {
  installation.write(
    "types.ts",
    `import "@aha/runtime/embedded";
    import { loadModel, type Completion } from "@aha/runtime";
    import { createApp, createEngine, readApiKeys } from "@aha/api";
    import { listen, type Listener } from "@aha/api/listen";
    import { main } from "@aha/cli";
    import { openGguf } from "@aha/runtime/gguf";
    import { createTokenizer } from "@aha/runtime/tokenizer";
    import { quantizeModel } from "@aha/runtime/quantize";
    import { pull } from "@aha/runtime/weights";
    import type { Ops } from "@aha/runtime/ops";
    import { accuracyReward, type Reward } from "@aha/grpo/rewards";
    export const reward: Reward = { name: "right", score: accuracyReward({ column: "gold" }) };
    export const parts = [main, openGguf, createTokenizer, quantizeModel, pull] satisfies unknown[];
    export type Linear = Ops["linear"];
    const engine = await createEngine({ models: [{ name: "a", source: "a.gguf" }] });
    export const listener: Listener = await listen(createApp(engine, { apiKeys: readApiKeys("k") }));
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
