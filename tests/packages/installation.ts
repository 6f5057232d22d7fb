/** The npm tarballs, built and installed into an empty folder as a user would. Needs npm and its registry. Runs nothing. */
import { execFileSync, spawn } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import process from "node:process";
import { buildPackages } from "../../packages/npm/build.ts";
import type { EndedProcess } from "../support/aha_process.ts";

const TIMEOUT_MS = 120_000;

/** A folder with the packages of this workspace in its node_modules. */
export class Installation {
  private constructor(readonly folder: string) {}

  /** Installs our tarballs and these packages of the registry. */
  static create(...others: readonly string[]): Installation {
    const folder = fs.mkdtempSync(join(tmpdir(), "aha-installation-"));
    const tarballs = buildPackages(join(folder, "tarballs"));
    fs.writeFileSync(join(folder, "package.json"), `{ "private": true, "type": "module" }\n`);
    const flags = ["--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"];
    execFileSync("npm", ["install", ...flags, ...tarballs, ...others], {
      cwd: folder,
      stdio: ["ignore", "ignore", "inherit"],
    });
    return new Installation(folder);
  }

  write(name: string, text: string): void {
    fs.writeFileSync(join(this.folder, name), text);
  }

  /** Runs a program of the folder's `node_modules/.bin`, or another. */
  run(program: string, ...words: readonly string[]): Promise<EndedProcess> {
    const bin = join(this.folder, "node_modules/.bin");
    const PATH = `${bin}${delimiter}${process.env.PATH}`;
    return runProcess(program, words, { cwd: this.folder, env: { PATH } });
  }

  /** Removes the folder; programs that were told to end may still write a last file. */
  async remove(): Promise<void> {
    for (let attempt = 0; fs.existsSync(this.folder) && attempt < 50; attempt++) {
      try {
        fs.rmSync(this.folder, { recursive: true });
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }
}

/** Runs a program to its end, or to a time limit. */
export function runProcess(
  program: string,
  words: readonly string[],
  { cwd, env }: { readonly cwd: string; readonly env?: Readonly<Record<string, string>> },
): Promise<EndedProcess> {
  const child = spawn(program, words, {
    cwd,
    env: { ...process.env, NO_COLOR: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const text = { out: "", error: "" };
  child.stdout.on("data", (chunk) => text.out += chunk);
  child.stderr.on("data", (chunk) => text.error += chunk);
  const timer = setTimeout(() => child.kill("SIGKILL"), TIMEOUT_MS);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code: number | null) => {
      clearTimeout(timer);
      resolve({ code, ...text });
    });
  });
}
