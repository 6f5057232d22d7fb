/** The core on aarch64: kernels against their twins and models against references in Deno's arm64 build under qemu-user.
 * Every way in which V8 makes the relaxed dot is run. Proves results, says nothing of speed; needs Debian's packages and npm.
 * `deno run --allow-all tests/aarch64/run.ts [TEST FILES]` (tests that start processes of their own cannot run). */
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { runSteps, type Step } from "../support/steps.ts";

const DENO_PACKAGE = "@deno/linux-arm64-glibc@2.9.5";
const APT_PACKAGES = ["qemu-user-static", "libc6-arm64-cross", "libgcc-s1-arm64-cross"];
const EMULATOR = "qemu-aarch64-static";
/** Where Debian's cross packages put the arm64 C library. */
const LIBRARIES = "/usr/aarch64-linux-gnu";

const FILES = [
  ...["linear", "layers", "sampling"].map((part) =>
    `packages/runtime/src/backend/wasm/core_${part}_test.ts`
  ),
  "tests/parity/logits_test.ts",
];

/** The dot is one instruction (sdot) only in the optimizing compiler and on a CPU that has it, else two products and sums. */
const WAYS = [
  { name: "Cortex-A76, optimizing compiler (sdot)", cpu: "cortex-a76", flags: "--no-liftoff" },
  { name: "Cortex-A76, baseline compiler", cpu: "cortex-a76", flags: "--liftoff-only" },
  { name: "Cortex-A72, optimizing compiler", cpu: "cortex-a72", flags: "--no-liftoff" },
];

/** Installs emulator and library where they are missing, as root. */
function installEmulator(): void {
  const isThere = (path: string) => fs.existsSync(path);
  if (isThere(`/usr/bin/${EMULATOR}`) && isThere(`${LIBRARIES}/lib/libgcc_s.so.1`)) return;
  execFileSync("apt-get", ["update", "-q"], { stdio: "inherit" });
  const install = ["install", "-y", "-q", "--no-install-recommends", ...APT_PACKAGES];
  execFileSync("apt-get", install, { stdio: "inherit" });
}

/** Path of the arm64 Deno, fetched once. */
function fetchDeno(cache: string): string {
  const program = join(cache, "package/deno");
  if (fs.existsSync(program)) return program;
  fs.mkdirSync(cache, { recursive: true });
  const packing = ["pack", "--silent", "--loglevel=error", DENO_PACKAGE];
  const tarball = execFileSync("npm", packing, { cwd: cache, encoding: "utf8" }).trim();
  execFileSync("tar", ["-xzf", tarball], { cwd: cache });
  fs.rmSync(join(cache, tarball));
  return program;
}

const caches = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
const cache = join(caches, "aha-ci", DENO_PACKAGE.replace(/^.*\//, ""));
installEmulator();
const deno = fetchDeno(cache);
const files = process.argv.length > 2 ? process.argv.slice(2) : FILES;

process.exit(
  await runSteps(WAYS.map(({ name, cpu, flags }): Step => ({
    name,
    command: [
      ...[EMULATOR, "-cpu", cpu, "-L", LIBRARIES, deno, "test", "--allow-all", "--no-check"],
      ...[`--v8-flags=${flags}`, ...files],
    ],
    env: { DENO_DIR: join(cache, "modules"), DENO_NO_UPDATE_CHECK: "1" },
  }))),
);
