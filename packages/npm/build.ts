/**
 * Writes the npm tarballs of all packages into `dist`: `deno pack` makes JavaScript and declarations, here come what Node and
 * bundlers need besides. Publishes nothing.
 */
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { embeddedModule } from "./embedded_module.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PACKAGES = ["weights", "packages/runtime", "packages/grpo", "packages/cli"];
/** Lowers syntax here and bundles in the tests; never a dependency of what is published. */
export const ESBUILD_PACKAGE = "esbuild@0.28.2";
/** The oldest engines with what the core needs (SIMD, workers that are modules); the command needs no browser. */
const NODE_TARGET = "node22";
const TARGETS = `${NODE_TARGET},chrome109,firefox114,safari16.4`;
/** `process.getBuiltinModule`. */
const NODE_VERSIONS = ">=22.3";

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly exports: Record<string, unknown>;
  readonly dependencies?: Record<string, string>;
}

/** Builds every package into `out`; gives the tarballs' paths in the order in which they depend on each other. */
export function buildPackages(out: string): string[] {
  fs.mkdirSync(out, { recursive: true });
  return PACKAGES.map((folder) => {
    const stage = fs.mkdtempSync(join(tmpdir(), "aha-npm-"));
    try {
      return buildPackage(join(ROOT, folder), stage, out);
    } finally {
      fs.rmSync(stage, { recursive: true });
    }
  });
}

function buildPackage(source: string, stage: string, out: string): string {
  const root = join(stage, "package");
  const packed = join(stage, "packed.tgz");
  const pack = ["pack", "--quiet", "--allow-dirty", "--no-source-maps", "--output", packed];
  run(process.execPath, pack, source);
  run("tar", ["-xzf", packed, "-C", stage], stage);
  if (fs.existsSync(join(root, "wasm"))) embedCore(root);
  lower(root, isCommand(source) ? NODE_TARGET : TARGETS);
  const manifest = finishManifest(root, source);
  const name = `${manifest.name.replace(/^@/, "").replace("/", "-")}-${manifest.version}.tgz`;
  run("tar", ["-czf", join(out, name), "-C", stage, "package"], stage);
  return join(out, name);
}

const isCommand = (source: string): boolean => basename(source) === "cli";

function run(program: string, args: readonly string[], cwd: string): void {
  // Deno must not look at the package.json of the package that is being made.
  const env = { ...process.env, DENO_NO_PACKAGE_JSON: "1" };
  execFileSync(program, args, { cwd, env, stdio: ["ignore", "inherit", "inherit"] });
}

function filesOf(root: string, ending: string): string[] {
  return fs.readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(ending)).map((file) => file.replaceAll("\\", "/")).sort();
}

/** Node has no source phase imports and bundlers neither. */
function embedCore(root: string): void {
  const wasm = join(root, "wasm");
  const builds = filesOf(wasm, ".wasm").map((file) =>
    [basename(file, ".wasm"), fs.readFileSync(join(wasm, file))] as const
  );
  const path = join(root, "src/backend/wasm/embedded.js");
  fs.writeFileSync(path, embeddedModule(builds));
  fs.rmSync(join(root, "src/backend/wasm/embedded.d.ts.d.ts"), { force: true }); // `deno pack` takes the .d.ts for code
}

/** Syntax that Node 22 and browsers do not have yet (`using`) becomes what they have. */
function lower(root: string, target: string): void {
  const deno = ["run", "--allow-all", "--quiet", "--no-lock", "--no-config"];
  const files = ["--format=esm", "--outdir=.", "--outbase=.", "--allow-overwrite"];
  const options = [`--target=${target}`, ...files, "--log-level=warning"];
  run(
    process.execPath,
    [...deno, `npm:${ESBUILD_PACKAGE}`, ...filesOf(root, ".js"), ...options],
    root,
  );
}

/** The packages of this workspace that a package imports. Its version, read from deno.json, is in package.json here. */
function settleImports(root: string): string[] {
  const siblings = new Set<string>();
  for (const file of filesOf(root, ".js")) {
    const path = join(root, file);
    const text = fs.readFileSync(path, "utf8");
    if (text.includes("../deno.json")) {
      fs.writeFileSync(path, text.replace("../deno.json", "../package.json"));
    }
    // What stands in comments is an example.
    const imports = /^(?!\s*\*).*?(?:from|import) ?\(?"(@aha\/\w+)/gm;
    for (const [, name] of text.matchAll(imports)) siblings.add(name);
  }
  return [...siblings].sort();
}

/** What `deno pack` does not know: packages of this workspace, the command, the platform, the bare wasm files. */
function finishManifest(root: string, source: string): Manifest {
  const path = join(root, "package.json");
  const manifest: Manifest = JSON.parse(fs.readFileSync(path, "utf8"));
  const { description } = JSON.parse(fs.readFileSync(join(source, "deno.json"), "utf8"));
  const siblings = settleImports(root).map((name) => [name, manifest.version]);
  const wasm = fs.existsSync(join(root, "wasm"));
  const finished = {
    ...manifest,
    description,
    ...(wasm ? { exports: { ...manifest.exports, "./wasm/*.wasm": "./wasm/*.wasm" } } : {}),
    dependencies: { ...Object.fromEntries(siblings), ...manifest.dependencies },
    engines: { node: NODE_VERSIONS },
    // A browser has no cache folder: this part is only ever asked for where there is a disk.
    ...(wasm ? { browser: { "./src/weights/pull.js": false } } : {}),
    ...(isCommand(source) ? { bin: { aha: "./bin/aha.js" } } : {}),
  };
  if (isCommand(source)) {
    fs.mkdirSync(join(root, "bin"));
    fs.copyFileSync(join(ROOT, "packages/npm/aha.js"), join(root, "bin/aha.js"));
    fs.chmodSync(join(root, "bin/aha.js"), 0o755);
  }
  fs.writeFileSync(path, JSON.stringify(finished, null, 2) + "\n");
  return manifest;
}

if (import.meta.main) {
  for (const tarball of buildPackages(join(ROOT, "dist"))) console.log(tarball);
}
