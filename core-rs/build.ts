/** Builds the three wasm artifacts with wasm-pack; `--check` rebuilds and compares bytes. Does not install tools (see install.sh). */
import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { homedir } from "node:os";
import process from "node:process";

const CRATE = dirname(fileURLToPath(import.meta.url));
const TARGET = process.env.CARGO_TARGET_DIR ?? join(CRATE, "target");
const OUT = join(CRATE, "../packages/runtime/wasm");
const RECORD = join(OUT, "build.json");

/** Features of each artifact; `threads` ones import a shared memory and rebuild std with atomics. */
const ARTIFACTS = {
  relaxed_threads: { features: "+simd128,+relaxed-simd", threads: true },
  simd_threads: { features: "+simd128", threads: true },
  simd: { features: "+simd128", threads: false },
} as const;
type ArtifactName = keyof typeof ARTIFACTS;
const ARTIFACT_NAMES = Object.keys(ARTIFACTS) as ArtifactName[];

interface BuildRecord {
  readonly tools: Record<string, string>;
  /** SHA-256 over the crate's sources, so that a stale artifact is seen even without a Rust compiler. */
  readonly sources: string;
  readonly artifacts: Record<string, string>;
}

/** The Rust toolchain: Debian's rustc-web where it is installed, otherwise rustup's nightly. */
function toolchain(): { env: Record<string, string>; linker: string | null; sysroot: string } {
  const debian = existsSync("/usr/lib/rustlib/src/rust/library") && existsSync("/usr/bin/rustc");
  const env: Record<string, string> = debian
    ? {
      PATH: `/usr/bin:${process.env.PATH}`,
      RUSTC: "/usr/bin/rustc",
      CARGO: "/usr/bin/cargo",
      RUSTC_BOOTSTRAP: "1",
    }
    : { RUSTUP_TOOLCHAIN: "nightly" };
  const sysroot = run("rustc", ["--print", "sysroot"], env).trim();
  return { env, linker: debian ? "wasm-ld-19" : null, sysroot };
}

function run(command: string, args: string[], env: Record<string, string> = {}): string {
  return execFileSync(command, args, {
    cwd: CRATE,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
  });
}

function rustFlags(name: ArtifactName, linker: string | null, sysroot: string): string {
  const { features, threads } = ARTIFACTS[name];
  const cargoHome = process.env.CARGO_HOME ?? join(homedir(), ".cargo");
  const flags = [
    `-Ctarget-feature=${features}${threads ? ",+atomics,+bulk-memory,+mutable-globals" : ""}`,
    `--remap-path-prefix=${CRATE}=/core-rs`,
    `--remap-path-prefix=${cargoHome}=/cargo`,
    `--remap-path-prefix=${join(sysroot, "lib/rustlib/src/rust")}=/rust`,
    "--remap-path-prefix=/usr/lib/rustlib/src/rust=/rust",
    "-Zlocation-detail=none",
    // Keeps the dots of the int8 kernels in step order: about 10 % on products of many rows.
    "-Cllvm-args=-pre-RA-sched=source",
  ];
  if (linker) flags.push(`-Clinker=${linker}`);
  if (threads) {
    const exports = ["__wasm_init_tls", "__tls_size", "__tls_align", "__tls_base"];
    const linkArgs = ["--shared-memory", "--import-memory", "--max-memory=4294967296"];
    linkArgs.push(...exports.map((symbol) => `--export=${symbol}`));
    flags.push(...linkArgs.map((arg) => `-Clink-arg=${arg}`));
  }
  return flags.join("\x1f");
}

function buildInto(out: string, names: readonly ArtifactName[] = ARTIFACT_NAMES): void {
  const { env, linker, sysroot } = toolchain();
  // wasm-pack looks for this folder when there is no rustup; empty is enough, std is built from source.
  const targetLib = join(sysroot, "lib/rustlib/wasm32-unknown-unknown/lib");
  if (!existsSync(targetLib)) mkdirSync(targetLib, { recursive: true });
  mkdirSync(out, { recursive: true });
  for (const name of names) {
    const pkg = join(CRATE, "pkg", name);
    rmSync(pkg, { recursive: true, force: true });
    run("wasm-pack", [
      ...["build", ".", "--target", "web", "--mode", "no-install", "--no-pack", "--release"],
      ...["--out-dir", pkg, "--out-name", name, "--", "-Zbuild-std=std,panic_abort"],
    ], {
      ...env,
      CARGO_ENCODED_RUSTFLAGS: rustFlags(name, linker, sysroot),
      CARGO_TARGET_DIR: join(TARGET, name),
    });
    cpSync(join(pkg, `${name}_bg.wasm`), join(out, `${name}.wasm`));
    // The types are the same for all; the runtime instantiates the modules itself, so the JS glue is not kept.
    if (name === "relaxed_threads") cpSync(join(pkg, `${name}.d.ts`), join(out, "core.d.ts"));
  }
}

function toolVersions(): Record<string, string> {
  const { env } = toolchain();
  const lockedBindgen = /name = "wasm-bindgen"\nversion = "([^"]+)"/.exec(
    readFileSync(join(CRATE, "Cargo.lock"), "utf8"),
  );
  return {
    rustc: run("rustc", ["--version"], env).trim(),
    "wasm-pack": run("wasm-pack", ["--version"]).trim(),
    "wasm-bindgen": run("wasm-bindgen", ["--version"]).trim(),
    "wasm-bindgen crate": lockedBindgen?.[1] ?? "unknown",
  };
}

/** Hash over Cargo.toml, Cargo.lock and src in sorted order. */
function sourceHash(): string {
  const files = ["Cargo.toml", "Cargo.lock"];
  for (const entry of readdirSync(join(CRATE, "src"), { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) files.push(join(entry.parentPath, entry.name).slice(CRATE.length + 1));
  }
  const hash = createHash("sha256");
  for (const file of files.map((f) => f.replaceAll("\\", "/")).sort()) {
    hash.update(file).update("\0").update(readFileSync(join(CRATE, file))).update("\0");
  }
  return hash.digest("hex");
}

function artifactHashes(folder: string): Record<string, string> {
  const names = readdirSync(folder).filter((file) => /\.(wasm|d\.ts)$/.test(file)).sort();
  return Object.fromEntries(
    names.map((
      file,
    ) => [file, createHash("sha256").update(readFileSync(join(folder, file))).digest("hex")]),
  );
}

function build(): void {
  buildInto(OUT);
  const record: BuildRecord = {
    tools: toolVersions(),
    sources: sourceHash(),
    artifacts: artifactHashes(OUT),
  };
  writeFileSync(RECORD, JSON.stringify(record, null, 2) + "\n");
  for (const file of Object.keys(record.artifacts)) console.log(`built ${file}`);
}

/** Exit code 0 when the committed artifacts stand for the sources. */
function check(): number {
  const record: BuildRecord = JSON.parse(readFileSync(RECORD, "utf8"));
  const problems: string[] = [];
  if (record.sources !== sourceHash()) {
    problems.push("core-rs has changed since the artifacts were built: run `deno task build`");
  }
  compare(record.artifacts, artifactHashes(OUT), "committed", problems);
  let tools: Record<string, string> | null = null;
  try {
    tools = toolVersions();
  } catch (error) {
    console.log(
      `artifacts not rebuilt: a tool is missing (${(error as Error).message.split("\n")[0]})`,
    );
  }
  if (tools && JSON.stringify(tools) === JSON.stringify(record.tools)) {
    const fresh = join(TARGET, "check");
    buildInto(fresh);
    compare(record.artifacts, artifactHashes(fresh), "rebuilt", problems);
    if (problems.length === 0) console.log("artifacts rebuilt: same bytes");
  } else if (tools) {
    console.log(
      `artifacts not rebuilt: tool versions differ from the recorded ones\n  here     ${
        JSON.stringify(tools)
      }\n  recorded ${JSON.stringify(record.tools)}`,
    );
  }
  for (const problem of problems) console.error(`build --check: ${problem}`);
  return problems.length === 0 ? 0 : 1;
}

function compare(
  recorded: Record<string, string>,
  found: Record<string, string>,
  which: string,
  problems: string[],
): void {
  for (const [file, hash] of Object.entries(recorded)) {
    if (found[file] !== hash) problems.push(`${which} ${file} differs from the recorded bytes`);
  }
}

if (import.meta.main) {
  if (process.argv.includes("--check")) process.exit(check());
  // Naming an artifact builds just that one, for a quick try; what is committed needs all three and the record.
  const named = ARTIFACT_NAMES.filter((name) => process.argv.includes(name));
  if (named.length > 0) buildInto(OUT, named);
  else build();
}
