/** npm packages of peers, installed once into a folder outside of this repository. Runs none of them. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";

/** The folder of peers and generated model files: `AHA_BENCH_HOME`, else `~/.cache/aha-bench`. */
export function benchHome(): string {
  const folder = process.env.AHA_BENCH_HOME || join(homedir(), ".cache", "aha-bench");
  mkdirSync(folder, { recursive: true });
  return folder;
}

/**
 * Installs packages (`name@version`) without their scripts and optional parts. Gives `node_modules`; throws with npm's
 * reason.
 */
export function installPackages(name: string, packages: readonly string[]): string {
  const folder = join(benchHome(), name);
  const modules = join(folder, "node_modules");
  const stamp = join(folder, "installed.json");
  const wanted = JSON.stringify(packages);
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return modules;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), `{ "private": true, "type": "module" }\n`);
  const flags = ["--no-audit", "--no-fund", "--loglevel=error", "--ignore-scripts"];
  try {
    execFileSync("npm", ["install", ...flags, "--omit=optional", ...packages], {
      cwd: folder,
      encoding: "utf8",
      stdio: ["ignore", "ignore", "pipe"],
    });
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    const reason = stderr?.split("\n").find((line) => /^npm error (?!code)/.test(line)) ?? message;
    throw new Error(`npm could not install ${packages.join(", ")}: ${reason}`);
  }
  writeFileSync(stamp, wanted);
  return modules;
}
