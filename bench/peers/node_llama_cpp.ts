/** node-llama-cpp: llama.cpp's prebuilt CPU binary, called from Node. The program itself is node_llama_cpp_program.mjs. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import { lastLine, runMeasured } from "./measured_process.ts";
import { installPackages } from "./npm_packages.ts";
import {
  CONTEXT_TOKENS,
  FIRST_PROMPT_TOKENS,
  GENERATED_TOKENS,
  type Peer,
  PROMPT_TOKENS,
  promptIds,
  type Task,
  WARM_UP_TOKENS,
} from "./peer.ts";

const VERSION = "3.22.1";
const PROGRAM = fileURLToPath(new URL("node_llama_cpp_program.mjs", import.meta.url));
/** Names of the packages that hold the binaries, by platform and architecture. */
const BINARIES: Readonly<Record<string, string>> = {
  "linux-x64": "linux-x64",
  "linux-arm64": "linux-arm64",
  "darwin-x64": "mac-x64",
  "darwin-arm64": "mac-arm64-metal",
  "win32-x64": "win-x64",
  "win32-arm64": "win-arm64",
};

/** node-llama-cpp without a GPU. */
export const nodeLlamaCpp: Peer = {
  name: "node-llama-cpp",
  prepare: () => {
    const platform = `${process.platform}-${process.arch}`;
    const binary = BINARIES[platform];
    if (!binary) return Promise.reject(new Error(`It has no prebuilt binary for ${platform}`));
    const node = nodeVersion();
    const modules = installPackages("node-llama-cpp", [
      `node-llama-cpp@${VERSION}`,
      `@node-llama-cpp/${binary}@${VERSION}`,
    ]);
    const entry = pathToFileURL(join(modules, "node-llama-cpp/dist/index.js")).href;
    return Promise.resolve({
      version: `${VERSION}, prebuilt ${binary}, Node ${node}`,
      measure: async ({ model, threads }: Task) => {
        const request = {
          ...{ entry, model, threads, contextTokens: CONTEXT_TOKENS },
          ...{ first: promptIds(FIRST_PROMPT_TOKENS), prompt: promptIds(PROMPT_TOKENS) },
          ...{ warmUpTokens: WARM_UP_TOKENS, generatedTokens: GENERATED_TOKENS },
        };
        const { out, peakBytes } = await runMeasured("node", [PROGRAM, JSON.stringify(request)]);
        return { ...JSON.parse(lastLine(out)), peakBytes };
      },
    });
  },
};

function nodeVersion(): string {
  try {
    return execFileSync("node", ["--version"], { encoding: "utf8" }).trim().slice(1);
  } catch {
    throw new Error("Node is not on the path");
  }
}
