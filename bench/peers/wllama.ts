/** wllama: llama.cpp as WebAssembly in a fresh headless Chromium with the headers that allow threads. The page is pages/wllama.js. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { ISOLATION, startPageServer } from "../../tests/packages/page_server.ts";
import { lastLine, startMeasured } from "./measured_process.ts";
import { installPackages } from "./npm_packages.ts";
import {
  CONTEXT_TOKENS,
  type Figures,
  FIRST_PROMPT_TOKENS,
  GENERATED_TOKENS,
  type Peer,
  PROMPT_TOKENS,
  type Task,
  WARM_UP_TOKENS,
} from "./peer.ts";

const VERSION = "3.8.1";
const PAGES = fileURLToPath(new URL("pages", import.meta.url));
const CHROMIUM = process.env.AHA_CHROMIUM ?? "chromium";
const FLAGS = [
  ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
  ...["--disable-dev-shm-usage", "--disable-background-timer-throttling"],
  "--disable-renderer-backgrounding",
];

/** wllama on the CPU. */
export const wllama: Peer = {
  ...{ name: "wllama", maxRepeats: 1, isSmallOnly: true },
  prepare: () => {
    const chromium = chromiumVersion();
    const modules = installPackages("wllama", [`@wllama/wllama@${VERSION}`]);
    const build = join(modules, "@wllama/wllama/esm");
    if (!existsSync(join(build, "wasm/wllama.wasm"))) {
      return Promise.reject(new Error(`Its package ${VERSION} holds no wllama.wasm`));
    }
    return Promise.resolve({
      version: `${VERSION}, ${chromium}`,
      measure: (task: Task) => measure(build, task),
    });
  },
};

function chromiumVersion(): string {
  try {
    return execFileSync(CHROMIUM, ["--version"], { encoding: "utf8", stdio: "pipe" }).trim();
  } catch {
    throw new Error(`${CHROMIUM} does not run: AHA_CHROMIUM may name another Chromium`);
  }
}

async function measure(build: string, { model, threads }: Task): Promise<Figures> {
  const folder = mkdtempSync(join(tmpdir(), "aha-wllama-"));
  cpSync(PAGES, folder, { recursive: true });
  cpSync(build, join(folder, "wllama"), { recursive: true });
  const server = startPageServer(folder, model, ISOLATION);
  const request = {
    ...{ entry: "./wllama/index.js", threads, contextTokens: CONTEXT_TOKENS },
    ...{ firstPromptTokens: FIRST_PROMPT_TOKENS, promptTokens: PROMPT_TOKENS },
    ...{ warmUpTokens: WARM_UP_TOKENS, generatedTokens: GENERATED_TOKENS },
  };
  const query = encodeURIComponent(JSON.stringify(request));
  const outcome = server.outcome();
  const profile = join(folder, "profile");
  const address = `${server.origin}/wllama.html?request=${query}`;
  const browser = startMeasured(CHROMIUM, [...FLAGS, `--user-data-dir=${profile}`, address]);
  try {
    const figures = await Promise.race([
      outcome as Promise<Figures & { readonly error?: string }>,
      browser.ended.then(({ error }) => {
        throw new Error(`${CHROMIUM} ended without an outcome: ${lastLine(error)}`);
      }),
    ]);
    if (figures.error) throw new Error(figures.error);
    return { ...figures, peakBytes: browser.peakBytes() };
  } finally {
    browser.kill();
    await browser.ended.catch(() => {});
    await server.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 });
  }
}
