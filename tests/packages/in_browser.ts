/**
 * Bundled pages in headless Chromium: made by esbuild and by Vite from the npm packages, with and without the headers that allow
 * threads, on the page's own thread and in a Worker. Needs npm's registry and Chromium (`AHA_CHROMIUM`, or `chromium` on
 * the path), so `deno task ok` runs it, not `test`.
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { ESBUILD_PACKAGE } from "../../packages/npm/build.ts";
import { GREEDY_IDS, MODEL_PATH, PROMPT_IDS } from "./greedy_fixture.ts";
import { Installation } from "./installation.ts";
import { ISOLATION, type PageHeaders, startPageServer } from "./page_server.ts";

const PAGES = fileURLToPath(new URL("./pages", import.meta.url));
const CHROMIUM = process.env.AHA_CHROMIUM ?? "chromium";
const PATIENCE_MS = 60_000;
const FLAGS = [
  ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
  "--disable-dev-shm-usage",
];

const installation = Installation.create(ESBUILD_PACKAGE, "vite@8.3.8");
fs.cpSync(PAGES, join(installation.folder, "pages"), { recursive: true });
const REQUEST = { url: "/model.gguf", promptIds: PROMPT_IDS, maxTokens: GREEDY_IDS.length };
const cores = navigator.hardwareConcurrency;

/** The engine with the core's files named by the bundler; these names exist in the npm package only. */
const ENGINE_FILES = `
  import { provideCore } from "@aha/runtime";
  import relaxedThreads from "@aha/runtime/wasm/relaxed_threads.wasm";
  import simdThreads from "@aha/runtime/wasm/simd_threads.wasm";
  import simd from "@aha/runtime/wasm/simd.wasm";
  import "./engine.js";
  const file = (name) => new URL(name, import.meta.url);
  provideCore({
    relaxed_threads: file(relaxedThreads),
    simd_threads: file(simdThreads),
    simd: file(simd),
  });
`;
installation.write("pages/engine_files.js", ENGINE_FILES);

Deno.test.afterAll(() => installation.remove());

/** Opens a page in a fresh browser and gives what it posts. */
async function visit(folder: string, headers: PageHeaders, request: object): Promise<unknown> {
  const server = startPageServer(join(installation.folder, folder), MODEL_PATH, headers);
  const profile = fs.mkdtempSync(join(installation.folder, "profile-"));
  const query = encodeURIComponent(JSON.stringify(request));
  const outcome = server.outcome();
  const address = `${server.origin}/index.html?request=${query}`;
  const browser = spawn(CHROMIUM, [...FLAGS, `--user-data-dir=${profile}`, address], {
    stdio: "ignore",
  });
  const ended = new Promise<void>((resolve) => {
    browser.once("error", () => resolve());
    browser.once("exit", () => resolve());
  });
  const timer = setTimeout(() => browser.kill(), PATIENCE_MS);
  try {
    return await Promise.race([
      outcome,
      ended.then(() => ({ error: `${CHROMIUM} ended without an outcome` })),
    ]);
  } finally {
    clearTimeout(timer);
    browser.kill();
    await ended;
    await server.close();
  }
}

/** A page answers as the fixture says: from a URL and a Blob, on both kinds of thread, with threads and without. */
async function assertAnswers(folder: string): Promise<void> {
  for (const isolated of [true, false]) {
    for (const [worker, blob] of [[false, false], [false, true], [true, false], [true, true]]) {
      const headers = isolated ? ISOLATION : {};
      const outcome = await visit(folder, headers, { ...REQUEST, worker, blob });
      const wanted = {
        variant: isolated ? "relaxed_threads" : "simd",
        threads: isolated ? Math.min(2, cores) : 1,
        ids: GREEDY_IDS,
      };
      assertEquals(outcome, wanted, JSON.stringify({ folder, isolated, worker, blob, outcome }));
    }
  }
}

async function bundle(program: string, ...words: readonly string[]): Promise<void> {
  const { code, error } = await installation.run(program, ...words);
  assertEquals(code, 0, error);
}

Deno.test("npm package @aha/runtime: pages bundled by esbuild, core embedded or named by the bundler", async () => {
  const entries = ["page=pages/page_embedded.js", "engine=pages/engine_files.js"];
  const options = [
    "--bundle",
    "--format=esm",
    "--minify",
    "--loader:.wasm=file",
    "--outdir=esbuild",
  ];
  await bundle("esbuild", ...entries, ...options, "--log-level=warning");
  fs.copyFileSync(join(PAGES, "index.html"), join(installation.folder, "esbuild/index.html"));
  await assertAnswers("esbuild");
});

Deno.test("npm package @aha/runtime: pages bundled by Vite, core found by the bundler", async () => {
  const options = ["--outDir", "../vite", "--base", "./", "--logLevel", "warn"];
  await bundle("vite", "build", "pages", ...options);
  await assertAnswers("vite");
});

Deno.test("HelperThreads: a page whose policy refuses the helper's Worker is told so", async () => {
  const policy = "worker-src 'self'";
  const headers = { ...ISOLATION, "content-security-policy": policy };
  const outcome = await visit("vite", headers, REQUEST) as { error: string };
  assertStringIncludes(outcome.error, "UnsupportedError: A helper thread died");
  assertStringIncludes(outcome.error, "worker-src blob:");
});
